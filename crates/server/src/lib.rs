#![doc = include_str!("../README.md")]

pub mod background;
pub mod cli;
mod commands;
pub mod config;
pub mod demo;
mod pictures;
pub mod telemetry;
mod wiring;
