use stanchion_sim::autoscale::{Load, Simulation, Wrong, check};

/// Within so many seeds whatever is wrong must have been seen.
const SEEDS: u64 = 5;

#[test]
fn a_wrong_autoscaler_is_seen_within_a_few_seeds() {
    for wrong in Wrong::ALL {
        let is_seen = (0..SEEDS).any(|seed| {
            Load::ALL.iter().any(|load| {
                let simulation = Simulation {
                    seed,
                    load: *load,
                    wrong: Some(wrong),
                };
                check(&simulation.run()).is_err()
            })
        });
        assert!(is_seen, "{wrong:?} was not seen under {SEEDS} seeds");
    }
}
