#![doc = include_str!("../README.md")]

mod client;
mod database;
mod dice;
mod history;
mod oracle;
mod port;
mod server;
mod simulation;
mod time;
mod weather;
mod workload;
mod wrong;

pub use history::{Ask, Decision, Event, Heard, History, Left, Wish};
pub use oracle::{Breach, check};
pub use simulation::Simulation;
pub use wrong::Wrong;
