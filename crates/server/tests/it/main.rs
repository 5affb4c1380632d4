//! Integration tests of the server, one module per subject.

mod background;
mod check;
mod commands;
mod config;
mod dashboard;
mod demo;
mod demo_start;
mod faults;
mod import_export;
mod interface;
mod observed;
mod previous;
mod program;
mod revocation;
mod server;
mod stopping;
mod telemetry;
