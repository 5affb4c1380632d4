//! Every answer that a client heard was decided, for its request, while it waited.

use std::collections::BTreeMap;

use stanchion_stock::command::{Action, Command, End};
use stanchion_stock::{Outcome, Refusal, StockError};
use stanchion_store::StoreError;
use stanchion_store::idempotency::IdempotencyKey;

use super::Found;
use crate::stock::history::{Ask, Event, Heard, History, Wish};

pub(super) fn check(history: &History) -> Result<(), Found> {
    let mut asked: BTreeMap<usize, (usize, &Ask)> = BTreeMap::new();
    let mut quiet = false;
    for (at, event) in history.events.iter().enumerate() {
        match event {
            Event::Quiet => quiet = true,
            Event::Asked { call, ask, .. } => {
                asked.insert(*call, (at, ask));
            }
            Event::Heard { call, heard } => {
                let Some((since, ask)) = asked.remove(call) else {
                    return Err(format!("call {call} was heard of and never asked").into());
                };
                let right = if quiet && !matches!(heard, Heard::Row(_)) {
                    Err("a quiet server does its work")
                } else {
                    answer(history, ask, heard, (since, at))
                };
                right.map_err(|why| Found {
                    at: at + 1,
                    what: format!("call {call}, {ask:?}, heard {heard:?}: {why}"),
                })?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn answer(
    history: &History,
    ask: &Ask,
    heard: &Heard,
    between: (usize, usize),
) -> Result<(), &'static str> {
    let was_decided = match heard {
        Heard::Nothing => true,
        Heard::Error(StockError::Refused(Refusal::NoReservation { id })) => {
            return if names(ask, id) && !was_made(history, id) {
                Ok(())
            } else {
                Err("there is such a reservation")
            };
        }
        Heard::Error(StockError::Refused(refusal)) => decided(
            history,
            ask,
            between,
            |outcome| matches!(outcome, Outcome::Refused(decided) if decided == refusal),
        ),
        Heard::Reservation(heard) => decided(history, ask, between, |outcome| {
            matches!(outcome, Outcome::Reserved(decided) | Outcome::Settled(decided)
                if decided == heard)
        }),
        Heard::Row(heard) => decided(
            history,
            ask,
            between,
            |outcome| matches!(outcome, Outcome::Changed(decided) if decided == heard),
        ),
        Heard::Error(StockError::Contended { rows: heard }) => {
            let (since, until) = between;
            let mut events = history.events[since..until].iter();
            events.any(|event| matches!(event, Event::Read { rows, .. } if rows == heard))
        }
        Heard::Error(error) => return is_ours(error),
    };
    if was_decided {
        Ok(())
    } else {
        Err("nothing of the kind was decided meanwhile")
    }
}

/// Errors that a caller may hear; the others are of the ledger's own making.
fn is_ours(error: &StockError) -> Result<(), &'static str> {
    match error {
        StockError::Busy { .. }
        | StockError::Store(
            StoreError::Busy(_) | StoreError::Unavailable(_) | StoreError::CommitUnknown(_),
        ) => Ok(()),
        _ => Err("no such error should get here"),
    }
}

fn decided(
    history: &History,
    ask: &Ask,
    (since, until): (usize, usize),
    is_answer: impl Fn(&Outcome) -> bool,
) -> bool {
    let meanwhile = history.events[since..until].iter();
    let decisions = meanwhile.filter_map(|event| match event {
        Event::Decided(decision) if decision.position > since => Some(decision),
        _ => None,
    });
    let mut decided = decisions.flat_map(|decision| &decision.decided);
    decided.any(|(command, outcome)| is_answer(outcome) && is_of(command, ask))
}

fn names(ask: &Ask, reservation: &stanchion_kernel::Uuid) -> bool {
    matches!(&ask.wish, Wish::Commit { id, .. } | Wish::Release { id } if id == reservation)
}

fn was_made(history: &History, id: &stanchion_kernel::Uuid) -> bool {
    history.left.reservations.iter().any(|one| one.id == *id)
}

/// Whether a command is what a client asked for.
pub(super) fn is_of(command: &Command, ask: &Ask) -> bool {
    is_key_of(command.key.as_ref(), ask) && is_action_of(&command.action, ask)
}

fn is_key_of(key: Option<&IdempotencyKey>, ask: &Ask) -> bool {
    match (key, &ask.key) {
        (Some(key), Some(asked)) => {
            let of_key = |key: &IdempotencyKey| {
                let IdempotencyKey {
                    caller,
                    route,
                    key,
                    fingerprint,
                } = key.clone();
                (caller, route, key, fingerprint)
            };
            of_key(key) == of_key(asked)
        }
        // The ledger gives a key of its own to what it could not find again without one.
        (Some(key), None) => key.route == "internal",
        (None, None) => true,
        (None, Some(_)) => false,
    }
}

fn is_action_of(action: &Action, ask: &Ask) -> bool {
    match (action, &ask.wish) {
        (
            Action::Reserve { lines, ttl, .. },
            Wish::Reserve {
                lines: asked,
                ttl_us,
            },
        ) => lines == asked && ttl.as_micros() == u128::from(*ttl_us),
        (
            Action::Settle {
                id,
                end: End::Commit(lines),
                ..
            },
            Wish::Commit {
                id: asked,
                lines: these,
            },
        ) => id == asked && lines == these,
        (
            Action::Settle {
                id,
                end: End::Release,
                ..
            },
            Wish::Release { id: asked },
        ) => id == asked,
        (
            Action::Adjust {
                sku,
                delta,
                reason,
                if_version,
            },
            Wish::Adjust {
                sku: asked,
                delta: pieces,
                if_version: version,
            },
        ) => {
            (sku, delta, if_version) == (asked, pieces, version)
                && *reason == Some(ask.operation.to_string())
        }
        (
            Action::SetLowStock { sku, threshold },
            Wish::SetLowStock {
                sku: asked,
                threshold: at,
            },
        ) => (sku, threshold) == (asked, at),
        _ => false,
    }
}
