//! The promises of testkit itself.
mod postgres;
