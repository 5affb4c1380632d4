#![doc = include_str!("../README.md")]

mod api;
mod app;
mod assortment;
pub mod auth;
mod body;
mod client_addr;
pub mod conditional;
mod config;
mod describe;
mod endpoints;
mod envelope;
mod extract;
pub mod grpc;
mod held;
mod idempotency;
mod json;
mod limits;
mod listener;
mod pictures;
mod problem;
mod router;
mod runtime_metrics;
mod surface;
mod trace_context;

pub use api::RouteInfo;
pub use app::Draining;
pub use assortment::Assortment;
pub use client_addr::TrustedProxies;
pub use config::{AuthConfig, ForwardedHeader, HttpConfig};
pub use envelope::AdoptContext;
pub use limits::{Callers, Per, RouteLimit};
pub use listener::{Drained, Listener, ListenerError};
pub use pictures::{PictureBytes, Pictures, TakenPicture, UploadBounds};
pub use problem::{MEDIA_TYPE, Problem, ProblemKind};
pub use surface::{NotAnOrigin, Services, Surface, openapi, routes};
pub use trace_context::TraceContext;
