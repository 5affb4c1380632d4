//! Every backend against the conformance suite, wrong ones that it must reject, and the bucket against an exact model.

mod broken;
mod cluster;
mod decorators;
mod escrow;
mod failover;
mod gossip;
mod history;
mod leased;
mod memory;
mod model;
mod properties;
mod redis;
mod relay;
