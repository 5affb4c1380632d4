use std::num::NonZeroUsize;
use std::ops::Range;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is a number, not {text}")),
    )
}

/// So many seeds; `STANCHION_SIM_SEEDS` asks for more of them, `STANCHION_SIM_SEED` for a single one.
pub(crate) fn seeds(count: u64) -> Range<u64> {
    let single = number("STANCHION_SIM_SEED");
    let count = number("STANCHION_SIM_SEEDS").unwrap_or(count);
    single.map_or(0..count, |seed| seed..seed + 1)
}

/// Judges every seed, on all processors. The first that fails on one of them ends it.
pub(crate) fn on_each(seeds: Range<u64>, judge: impl Fn(u64) + Sync) {
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    std::thread::scope(|scope| {
        for first in 0..threads {
            let (seeds, judge) = (seeds.clone().skip(first).step_by(threads), &judge);
            scope.spawn(move || seeds.for_each(judge));
        }
    });
}
