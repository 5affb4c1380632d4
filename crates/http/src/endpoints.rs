//! One file per endpoint: its description, its handler, its answers.

pub(crate) mod categories;
pub(crate) mod dead_letters;
pub(crate) mod docs;
pub(crate) mod healthz;
pub(crate) mod images;
pub(crate) mod jobs;
pub(crate) mod keys;
pub(crate) mod limits;
pub(crate) mod media;
pub(crate) mod metrics;
pub(crate) mod openapi;
pub(crate) mod problems;
pub(crate) mod products;
pub(crate) mod queues;
pub(crate) mod readyz;
pub(crate) mod reservations;
pub(crate) mod stock;
