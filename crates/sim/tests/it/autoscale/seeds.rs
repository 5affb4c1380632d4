use stanchion_sim::autoscale::{Load, Simulation, check};

use crate::seeds::seeds;

/// The seeds of the test run, for each load.
const SEEDS: u64 = 40;

#[test]
fn the_workers_follow_every_load_without_overshoot_or_oscillation() {
    for seed in seeds(SEEDS) {
        for load in Load::ALL {
            let history = Simulation {
                seed,
                load,
                wrong: None,
            }
            .run();
            if let Err(breach) = check(&history) {
                panic!("{load:?} {breach}\nSTANCHION_SIM_SEED={seed} runs it alone");
            }
        }
    }
}

#[test]
fn the_same_seed_has_the_same_workers() {
    for load in Load::ALL {
        let run = |seed| {
            Simulation {
                seed,
                load,
                wrong: None,
            }
            .run()
            .digest()
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
    }
}
