use stanchion_sim::{Simulation, Wrong, check};

/// Within so many seeds whatever is wrong must have been seen.
const SEEDS: u64 = 40;

/// The seeds, of so many, under which the oracle sees it, and what it says first.
fn seen(wrong: Wrong) -> (usize, String) {
    let histories = (0..SEEDS).map(|seed| {
        let wrong = Some(wrong);
        Simulation { seed, wrong }.run()
    });
    let breaches: Vec<_> = histories
        .filter_map(|history| check(&history).err())
        .collect();
    let first = breaches.first().map(|breach| breach.what.clone());
    (breaches.len(), first.unwrap_or_default())
}

#[test]
fn a_wrong_database_is_seen_within_a_few_seeds() {
    for wrong in Wrong::ALL {
        let (count, what) = seen(wrong);
        eprintln!("{wrong:?} {count} {what}");
        assert!(count > 0, "{wrong:?} was not seen");
    }
}
