//! The promises of testkit itself.
mod data;
mod postgres;
mod program;
mod proxy;
mod waiting;
