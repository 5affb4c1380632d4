//! Integration tests of the server, one module per subject.

mod audits;
mod background;
mod check;
mod commands;
mod config;
mod crashes;
mod dashboard;
mod demo;
mod demo_start;
mod faults;
mod import_export;
mod interface;
mod jobs;
mod limits;
mod locking;
mod observed;
mod pictures;
mod previous;
mod program;
mod revocation;
mod server;
mod shared_limits;
mod stock;
mod stopping;
mod telemetry;
mod work;
