//! The simulations, and what shows that their oracles see.

mod broken;
mod coverage;
mod seeds;
