//! The simulations, and what shows that their oracles see.

mod autoscale;
mod limiter;
mod seeds;
mod stock;
