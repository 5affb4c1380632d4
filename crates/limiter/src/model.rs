//! Limits, questions and decisions.

mod ask;
mod decision;
mod limit;
mod rate;

pub use ask::{Ask, MAX_KEY};
pub use decision::Decision;
pub use limit::{Fallback, InvalidLimit, Limit, LimitName, MAX_NAME, MAX_PARTS};
pub use rate::Rate;
