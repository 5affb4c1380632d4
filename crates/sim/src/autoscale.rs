//! The autoscaler of workers, over a fleet and arrivals that are made of chance.

mod fleet;
mod history;
mod judge;
mod load;
mod simulation;
mod wrong;

pub use history::{History, Moment};
pub use judge::check;
pub use load::Load;
pub use simulation::Simulation;
pub use wrong::Wrong;
