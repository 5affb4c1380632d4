use stanchion_sim::stock::{Simulation, check};

use crate::seeds::{on_each, seeds};

/// The seeds of the test run.
const SEEDS: u64 = 1000;

#[test]
fn every_answer_under_every_seed_is_what_the_oracle_says() {
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
        assert_eq!(first.tail(usize::MAX), second.tail(usize::MAX));
        assert_eq!(first.digest(), second.digest());
    }
}

#[test]
fn another_seed_has_another_history() {
    let digest = |seed| Simulation { seed, wrong: None }.run().digest();
    assert_ne!(digest(1), digest(2));
}
