use stanchion_sim::limiter::{Simulation, Wrong, check};

/// Within so many seeds whatever is wrong must have been seen.
const SEEDS: u64 = 150;

#[test]
fn a_wrong_limiter_is_seen() {
    for wrong in Wrong::ALL {
        let mut seeds = 0..SEEDS;
        let is_seen = seeds.any(|seed| {
            let wrong = Some(wrong);
            check(&Simulation { seed, wrong }.run()).is_err()
        });
        assert!(is_seen, "{wrong:?} was not seen under {SEEDS} seeds");
    }
}
