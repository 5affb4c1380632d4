//! The surface over real sockets and real databases.
#![expect(
    clippy::unwrap_used,
    reason = "the lint knows functions marked as tests, not the ones that they share"
)]

mod access;
mod bad_input;
mod categories;
mod concurrency;
mod conditional;
mod cors;
mod documents;
mod grpc;
mod jobs;
mod keys;
mod limits;
mod listener;
mod media;
mod products;
mod quotas;
mod raw;
mod service;
mod shelf;
mod stock;
mod storage;
mod streams;
mod tokens;
mod world;
