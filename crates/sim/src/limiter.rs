//! The limiter with its leases, over a pair of nodes that replicate and fail over, and a network that is made of chance.

mod client;
mod failover;
mod history;
mod lender;
mod node;
mod oracle;
mod pair;
mod server;
mod setup;
mod simulation;
mod weather;
mod world;
mod wrong;

pub use history::{Call, Event, History, Outcome, Part, Purpose, Rule};
pub use oracle::check;
pub use simulation::Simulation;
pub use wrong::Wrong;
