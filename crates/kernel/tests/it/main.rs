//! The promises of clock, entropy and ids.
mod clock;
mod ids;
mod timestamp;
