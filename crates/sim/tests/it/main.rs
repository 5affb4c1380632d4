//! The simulations, and what shows that their oracles see.

mod limiter;
mod seeds;
mod stock;
