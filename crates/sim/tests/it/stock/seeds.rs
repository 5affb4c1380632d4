use stanchion_sim::{Simulation, check};

/// The seeds of the test run; `STANCHION_SIM_SEEDS` asks for more of them, `STANCHION_SIM_SEED` for a single one.
const SEEDS: u64 = 1000;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} is a number, not {text}")),
    )
}

#[test]
fn every_answer_under_every_seed_is_what_the_oracle_says() {
    let single = number("STANCHION_SIM_SEED");
    let count = number("STANCHION_SIM_SEEDS").unwrap_or(SEEDS);
    let seeds = single.map_or(0..count, |seed| seed..seed + 1);
    for seed in seeds {
        let history = Simulation { seed, wrong: None }.run();
        if let Err(breach) = check(&history) {
            panic!("{breach}\nSTANCHION_SIM_SEED={seed} runs it alone");
        }
    }
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
