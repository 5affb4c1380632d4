//! What the pure parts promise for every sequence of calls.

mod adaptive;
mod decisions;
mod lane;
