//! Every backend against the conformance suite, wrong ones that it must reject, the bucket against an exact model, and what
//! is built on them: stored limits, the fields and the layer of HTTP.

mod broken;
mod cluster;
mod decorators;
mod escrow;
mod failover;
mod fields;
mod gossip;
mod history;
mod leased;
mod memory;
mod model;
mod properties;
mod redis;
mod registry;
mod tower;
