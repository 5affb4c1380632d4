use std::collections::BTreeSet;

use stanchion_sim::stock::{Decision, Event, Heard, Simulation, Wish};
use stanchion_stock::command::{Action, End};
use stanchion_stock::{Outcome, Refusal, State, StockError};
use stanchion_store::StoreError;

/// Under so many seeds everything that can happen must have happened.
const SEEDS: u64 = 100;

const EVERYTHING: [&str; 28] = [
    "adjusted at a version",
    "batch",
    "busy",
    "conflict",
    "contended",
    "crash",
    "full lane",
    "heard nothing",
    "insufficient",
    "key reused",
    "late commit",
    "late statement",
    "lost answer",
    "lost commit",
    "lost statement",
    "low stock set",
    "more than reserved",
    "no reservation",
    "out of bounds",
    "partial commit",
    "released",
    "several lines",
    "swept",
    "too late for its end",
    "unknown SKU",
    "unknown commit",
    "unreachable",
    "version conflict",
];

#[test]
fn the_seeds_meet_everything_that_can_happen() {
    let mut met = BTreeSet::new();
    for seed in 0..SEEDS {
        for event in &(Simulation { seed, wrong: None }).run().events {
            match event {
                Event::Fault { what, .. } => met.extend([*what]),
                Event::Crashed { .. } => met.extend(["crash"]),
                Event::Heard { heard, .. } => met.extend(heard_of(heard)),
                Event::Asked { ask, .. } => met.extend(asked(&ask.wish)),
                Event::Decided(decision) => met.extend(decided(decision)),
                Event::Read { .. } | Event::Quiet => {}
            }
        }
    }
    let missed: Vec<_> = EVERYTHING
        .iter()
        .filter(|one| !met.contains(*one))
        .collect();
    assert!(missed.is_empty(), "never met: {missed:?}");
}

fn heard_of(heard: &Heard) -> Option<&'static str> {
    Some(match heard {
        Heard::Nothing => "heard nothing",
        Heard::Error(StockError::Contended { .. }) => "contended",
        Heard::Error(StockError::Busy { .. }) => "full lane",
        Heard::Error(StockError::Store(StoreError::CommitUnknown(_))) => "unknown commit",
        Heard::Error(StockError::Refused(Refusal::NoReservation { .. })) => "no reservation",
        _ => return None,
    })
}

fn asked(wish: &Wish) -> Option<&'static str> {
    match wish {
        Wish::Reserve { lines, .. } if lines.single().is_none() => Some("several lines"),
        Wish::Adjust { if_version, .. } => if_version.map(|_| "adjusted at a version"),
        _ => None,
    }
}

fn decided(decision: &Decision) -> Vec<&'static str> {
    let each = decision.decided.iter();
    let mut met: Vec<&str> = each
        .filter_map(|(command, outcome)| decision_of(&command.action, outcome))
        .collect();
    if decision.decided.len() > 1 {
        met.push("batch");
    }
    met
}

fn decision_of(action: &Action, outcome: &Outcome) -> Option<&'static str> {
    Some(match (action, outcome) {
        (_, Outcome::Refused(refusal)) => return refused(refusal),
        (Action::SetLowStock { .. }, _) => "low stock set",
        (Action::Settle { end, .. }, Outcome::Settled(_)) => match end {
            End::Commit(Some(_)) => "partial commit",
            End::Release => "released",
            End::Expire => "swept",
            End::Commit(None) => return None,
        },
        _ => return None,
    })
}

fn refused(refusal: &Refusal) -> Option<&'static str> {
    Some(match refusal {
        Refusal::Insufficient { .. } => "insufficient",
        Refusal::UnknownSkus { .. } => "unknown SKU",
        Refusal::Settled { reservation } if reservation.state == State::Expired => {
            "too late for its end"
        }
        Refusal::MoreThanReserved { .. } => "more than reserved",
        Refusal::VersionConflict { .. } => "version conflict",
        Refusal::OutOfBounds { .. } => "out of bounds",
        Refusal::KeyReused => "key reused",
        _ => return None,
    })
}
