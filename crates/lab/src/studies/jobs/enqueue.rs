//! How fast jobs are put in, many in one call.

use std::time::Duration;

use stanchion_kernel::Clock;

use super::Bench;
use super::place::{Place, enqueue};
use crate::database::Database;
use crate::load::number;
use crate::spreading::Spreading;

/// How many jobs there are in a call.
const BULKS: [u64; 2] = [1_000, 10_000];
const WINDOWS: usize = 3;
const LEAST: f64 = 50_000.0;

pub(super) async fn measure(bench: &mut Bench, database: Database) -> anyhow::Result<()> {
    if !bench.wants_on(database, "enqueue") {
        return Ok(());
    }
    let mut rates = Vec::new();
    for bulk in BULKS {
        let place = Place::open(bench, database).await?;
        let (mut windows, mut enqueued) = (Vec::with_capacity(WINDOWS), 0);
        let cost = place.cost();
        for _ in 0..WINDOWS {
            let (rate, jobs) = rate(&place, bulk, bench.seconds).await?;
            windows.push(rate);
            enqueued += jobs;
        }
        rates.push((bulk, Spreading::of(&windows), cost.of_each(enqueued)));
    }
    for (bulk, rate, cost) in rates {
        let is_promised = database == Database::Postgresql && bulk == BULKS[1];
        bench.rate(
            &format!("{}, enqueue, {bulk} jobs in a call", database.title()),
            rate,
            cost,
            is_promised.then_some(LEAST),
        );
    }
    Ok(())
}

/// Jobs per second, and how many there were.
async fn rate(place: &Place, bulk: u64, seconds: u32) -> anyhow::Result<(f64, u64)> {
    let clock = Clock::system();
    let (began, mut enqueued) = (clock.monotonic(), 0);
    let mut took = Duration::ZERO;
    while took < Duration::from_secs(seconds.into()) {
        enqueue(&place.jobs, bulk).await?;
        enqueued += bulk;
        took = clock.monotonic() - began;
    }
    Ok((number(enqueued) / took.as_secs_f64(), enqueued))
}
