use stanchion_sim::limiter::{Simulation, check};

use crate::seeds::{on_each, seeds};

/// The seeds of the test run.
const SEEDS: u64 = 1_000;

#[test]
fn no_seed_admits_more_than_the_limits_or_loses_what_they_give() {
    on_each(seeds(SEEDS), |seed| {
        let history = Simulation { seed, wrong: None }.run();
        if let Err(breach) = check(&history) {
            panic!("{breach}\nSTANCHION_SIM_SEED={seed} runs it alone");
        }
    });
}

#[test]
fn the_same_seed_has_the_same_history() {
    for seed in 0..20 {
        let run = || Simulation { seed, wrong: None }.run();
        let (first, second) = (run(), run());
        let all = usize::MAX;
        assert_eq!(first.until(all, all), second.until(all, all));
        assert_eq!(first.digest(), second.digest());
    }
}

#[test]
fn another_seed_has_another_history() {
    let digest = |seed| Simulation { seed, wrong: None }.run().digest();
    assert_ne!(digest(1), digest(2));
}
