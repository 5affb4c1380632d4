//! The promises of clock, entropy and ids.
mod ids;
mod timestamp;
