//! The promises of clock, entropy, ids and backoff.
mod backoff;
mod clock;
mod ids;
mod timestamp;
