//! What is accepted, what is refused and why, and what comes of a picture.
#![expect(
    clippy::unwrap_used,
    reason = "a test that unwraps what is not there has failed"
)]

mod attacks;
mod colours;
mod demo;
mod keys;
mod memory;
mod orientations;
mod probes;
mod properties;
mod renditions;
mod samples;
