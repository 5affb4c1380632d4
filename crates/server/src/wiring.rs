//! Where the crates meet: the configuration becomes a store, a catalogue and a surface.

pub(crate) mod database;
