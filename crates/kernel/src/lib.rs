#![doc = include_str!("../README.md")]

mod backoff;
mod clock;
mod entropy;
mod ids;
mod timestamp;

pub use backoff::{Backoff, Jitter};
pub use clock::{Clock, ManualClock};
pub use entropy::Entropy;
pub use ids::Ids;
pub use timestamp::{ParseTimestampError, Timestamp};
pub use uuid::Uuid;
