use std::collections::BTreeSet;

use stanchion_sim::limiter::{Event, Outcome, Simulation};

/// Under so many seeds everything that can happen must have happened.
const SEEDS: u64 = 60;

const EVERYTHING: [&str; 14] = [
    "admitted",
    "command",
    "crash",
    "denied",
    "failed",
    "lost answer",
    "lost request",
    "partition",
    "partition alone",
    "server crashed",
    "server paused",
    "slow",
    "stepped",
    "twice",
];

#[test]
fn the_seeds_meet_everything_that_can_happen() {
    let mut met = BTreeSet::new();
    for seed in 0..SEEDS {
        for event in &(Simulation { seed, wrong: None }).run().events {
            met.extend(match event {
                Event::Fault(what) => Some(*what),
                Event::Promoted { why, .. } => Some(*why),
                Event::Stepped { .. } => Some("stepped"),
                Event::Call(call) => Some(match call.outcome {
                    Outcome::Admitted => "admitted",
                    Outcome::Denied => "denied",
                    Outcome::Failed => "failed",
                }),
                Event::Quiet | Event::Demanded { .. } => None,
            });
        }
    }
    let missed: Vec<_> = EVERYTHING
        .iter()
        .filter(|one| !met.contains(*one))
        .collect();
    assert!(missed.is_empty(), "never met: {missed:?}");
}
