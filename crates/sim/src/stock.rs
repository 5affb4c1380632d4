//! The ledger of stock, over a database and a network that are made of chance.

mod client;
mod database;
mod history;
mod oracle;
mod port;
mod server;
mod simulation;
mod weather;
mod workload;
mod wrong;

pub use history::{Ask, Decision, Event, Heard, History, Left, Wish};
pub use oracle::check;
pub use simulation::Simulation;
pub use wrong::Wrong;
