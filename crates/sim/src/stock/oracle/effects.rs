//! Every effect belongs to a request that was made before it, and to no other; what was said not to have happened did not.

use std::collections::{BTreeMap, BTreeSet};

use stanchion_stock::command::{Action, Command, End};
use stanchion_stock::{Outcome, StockError};
use stanchion_store::StoreError;

use super::answers::is_of;
use crate::stock::history::{Ask, Event, Heard, History};

pub(super) fn check(history: &History) -> Result<(), String> {
    was_asked_for(history)?;
    happened_once(history)?;
    did_not_happen(history)
}

/// Each command that was decided was asked for before.
fn was_asked_for(history: &History) -> Result<(), String> {
    let mut asked: Vec<&Ask> = Vec::new();
    for event in &history.events {
        match event {
            Event::Asked { ask, .. } => asked.push(ask),
            Event::Decided(decision) => {
                for (command, _) in &decision.decided {
                    let is_sweep = is_sweep(command);
                    if !is_sweep && !asked.iter().any(|ask| is_of(command, ask)) {
                        return Err(format!("nobody had asked for {command:?}"));
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_sweep(command: &Command) -> bool {
    matches!(
        command.action,
        Action::Settle {
            end: End::Expire,
            ..
        }
    )
}

/// The operation that a command belongs to, as far as it can be told from what the database holds of it.
fn operation(command: &Command) -> Option<u64> {
    match &command.action {
        Action::Reserve { ttl, .. } => u64::try_from(ttl.as_micros() % 1000).ok(),
        Action::Adjust { reason, .. } => reason.as_ref()?.parse().ok(),
        Action::Settle { .. } | Action::SetLowStock { .. } => None,
    }
}

/// The effects of operations: reservations by their ids, adjustments by SKU and version.
fn effects(history: &History) -> BTreeMap<u64, BTreeSet<String>> {
    let mut effects: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
    for event in &history.events {
        let Event::Decided(decision) = event else {
            continue;
        };
        for (command, outcome) in &decision.decided {
            let effect = match outcome {
                Outcome::Reserved(made) => made.id.to_string(),
                Outcome::Changed(row) => format!("{} {}", row.sku, row.version),
                Outcome::Settled(_) | Outcome::Refused(_) => continue,
            };
            if let Some(operation) = operation(command) {
                effects.entry(operation).or_default().insert(effect);
            }
        }
    }
    effects
}

/// An operation has one effect at most, however often it was tried, while its key is remembered.
fn happened_once(history: &History) -> Result<(), String> {
    let is_short = |event: &Event| matches!(event, Event::Decided(decision) if decision.keep < SURELY_REMEMBERED);
    if history.events.iter().any(is_short) {
        return Ok(());
    }
    match effects(history)
        .iter()
        .find(|(_, effects)| effects.len() > 1)
    {
        Some((operation, effects)) => Err(format!("operation {operation} had {effects:?}")),
        None => Ok(()),
    }
}

/// Longer than any simulation.
const SURELY_REMEMBERED: std::time::Duration = std::time::Duration::from_secs(3600);

/// When all that was heard of an operation says that nothing happened, then nothing happened, also later.
fn did_not_happen(history: &History) -> Result<(), String> {
    let mut operations: BTreeMap<usize, u64> = BTreeMap::new();
    let mut possible: BTreeSet<u64> = BTreeSet::new();
    for event in &history.events {
        match event {
            Event::Asked { call, ask, .. } => {
                operations.insert(*call, ask.operation);
            }
            Event::Heard { call, heard } if may_have_happened(heard) => {
                possible.extend(operations.get(call));
            }
            _ => {}
        }
    }
    let effects = effects(history);
    let mut impossible = effects
        .keys()
        .filter(|operation| !possible.contains(operation));
    match impossible.next() {
        Some(operation) => Err(format!("operation {operation} was to have no effect")),
        None => Ok(()),
    }
}

fn may_have_happened(heard: &Heard) -> bool {
    match heard {
        Heard::Reservation(_) | Heard::Row(_) | Heard::Nothing => true,
        Heard::Error(error) => matches!(error, StockError::Store(StoreError::CommitUnknown(_))),
    }
}
