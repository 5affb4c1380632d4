//! Envoy's rate limit service.

mod calls;
mod envoy;
mod failures;
mod lifecycle;
mod service;
