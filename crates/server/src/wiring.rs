//! Where the crates meet: the configuration becomes a store, a catalogue and a surface.

pub(crate) mod buckets;
pub(crate) mod database;
pub(crate) mod demo_data;
pub(crate) mod demo_pictures;
pub(crate) mod fleet;
pub(crate) mod jobs;
pub(crate) mod keda;
mod known_skus;
pub(crate) mod limits;
pub(crate) mod peers;
pub(crate) mod pictures;
pub(crate) mod stock;
pub(crate) mod surface;
pub(crate) mod upkeep;
