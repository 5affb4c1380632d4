//! Servers that keep the buckets themselves, through the faults that they can suffer.

use std::time::Duration;

use stanchion_kernel::Clock;
use stanchion_testkit::{Network, free_address};

use super::{BEFORE, BURST, End, Fault, PARTITION, RATE, SERVERS, end};
use crate::studies::limiter::fleet::Fleet;
use crate::studies::limiter::plan::{Demand, Plan, Treatment};
use crate::studies::limiter::ways::Way;

/// What gossip may admit beyond the limit while two groups do not hear each other: a burst, and the rate for as long. A
/// second of it is for what they tell each other before and after.
pub(super) const BOUND: u64 = BURST + RATE * (PARTITION.as_secs() + 1);

pub(super) async fn run(way: Way, fault: Fault) -> anyhow::Result<End> {
    let network = Network::default();
    let listen: Vec<_> = (0..SERVERS).map(|_| free_address()).collect();
    let mut peers = Vec::new();
    for node in &listen {
        peers.push(network.reach(*node).await);
    }
    let plan = Plan {
        servers: SERVERS,
        peers,
        listen: listen.clone(),
        rate: RATE,
        burst: BURST,
        demand: Demand::Paced { per_second: RATE },
        lasts: BEFORE + fault.after(),
        everything: true,
        ..Plan::of(way, Treatment::None)
    };
    let mut fleet = Fleet::start(vec![plan; SERVERS.into()])?;
    let clock = Clock::system();
    let at = fleet.begins() + BEFORE;
    tokio::time::sleep(at.saturating_sub(clock.boot())).await;
    let at = clock.boot();
    if fault == Fault::KillWorker {
        fleet.kill_first();
    } else {
        let sides: Vec<_> = listen.iter().map(std::slice::from_ref).collect();
        network.divide(&sides);
        tokio::time::sleep(PARTITION).await;
        network.heal();
    }
    let until: Duration = fleet.begins() + BEFORE + fault.after();
    let done = fleet.done().await?;
    Ok(end((way, Treatment::None, fault), &done, (at, until)))
}
