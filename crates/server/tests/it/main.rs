//! Integration tests of the server, one module per subject.

mod config;
mod demo;
mod telemetry;
