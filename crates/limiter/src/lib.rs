#![doc = include_str!("../README.md")]

pub mod bucket;
#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
#[cfg(feature = "gossip")]
pub mod escrow;
#[cfg(feature = "gossip")]
pub mod gossip;
pub mod lease;
mod limiter;
mod model;
mod observe;
pub mod port;
mod question;
#[cfg(feature = "store")]
pub mod registry;
#[cfg(feature = "tower")]
pub mod tower;

pub use bucket::MAX_FILL;
pub use error::LimiterError;
pub use limiter::Limiter;
pub use model::{
    Ask, Decision, Fallback, InvalidLimit, Limit, LimitName, MAX_KEY, MAX_NAME, MAX_PARTS, Rate,
};
pub use question::{Question, Verdict, policy_field};
