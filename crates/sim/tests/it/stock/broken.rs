use stanchion_sim::stock::{Simulation, Wrong, check};

/// Within so many seeds whatever is wrong must have been seen.
const SEEDS: u64 = 40;

#[test]
fn a_wrong_database_is_seen_within_a_few_seeds() {
    for wrong in Wrong::ALL {
        let mut seeds = 0..SEEDS;
        let is_seen = seeds.any(|seed| {
            let wrong = Some(wrong);
            check(&Simulation { seed, wrong }.run()).is_err()
        });
        assert!(is_seen, "{wrong:?} was not seen under {SEEDS} seeds");
    }
}
