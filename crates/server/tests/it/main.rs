//! Integration tests of the server, one module per subject.

mod commands;
mod config;
mod demo;
mod import_export;
mod program;
mod telemetry;
