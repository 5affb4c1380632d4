//! Limits, questions and decisions.

mod ask;
mod decision;
mod limit;
mod rate;

pub use ask::{Ask, MAX_KEY};
pub use decision::Decision;
pub use limit::{InvalidLimit, Limit, LimitName, MAX_NAME};
pub use rate::Rate;
