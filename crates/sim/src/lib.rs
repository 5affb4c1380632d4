#![doc = include_str!("../README.md")]

pub mod autoscale;
mod breach;
mod dice;
pub mod limiter;
mod recorder;
pub mod stock;
mod time;

pub use breach::Breach;
