//! Judges a history by the promises alone: it decides everything again, one command after another, and compares.

mod answers;
mod effects;
mod ledger;
mod model;

use crate::breach::{Breach, TAIL};
use crate::stock::history::{Decision, Event, History};
use model::Model;

/// Checks a history.
///
/// # Errors
/// The first promise that was not kept.
pub fn check(history: &History) -> Result<(), Breach> {
    judge(history).map_err(|Found { at, what }| Breach {
        seed: history.seed,
        what,
        tail: history.until(at, TAIL),
    })
}

/// What is wrong, and after how many events that is to be seen.
struct Found {
    at: usize,
    what: String,
}

impl From<String> for Found {
    fn from(what: String) -> Self {
        let at = usize::MAX;
        Self { at, what }
    }
}

fn judge(history: &History) -> Result<(), Found> {
    let model = replay(history)?;
    ledger::check(&model, &history.left)?;
    answers::check(history)?;
    Ok(effects::check(history)?)
}

/// Decides everything again in its order.
fn replay(history: &History) -> Result<Model, Found> {
    let mut model = Model::default();
    for (at, event) in in_order(history) {
        let right = match event {
            Event::Decided(decision) => decide(&mut model, decision),
            Event::Read { rows, .. } => rows.iter().try_for_each(|row| {
                demand_equal("a row that was read", &Some(row), &model.rows.get(&row.sku))
            }),
            _ => Ok(()),
        };
        right.map_err(|what| Found { at: at + 1, what })?;
    }
    Ok(model)
}

/// Decisions and reads by their moments: what was decided on what was read before comes before what was committed then.
fn in_order(history: &History) -> Vec<(usize, &Event)> {
    let moment = |(at, event): &(usize, &Event)| match event {
        Event::Decided(decision) => (decision.position, decision.is_commit),
        _ => (*at, false),
    };
    let mut events: Vec<(usize, &Event)> = history.events.iter().enumerate().collect();
    events.sort_by_key(moment);
    events
}

fn decide(model: &mut Model, decision: &Decision) -> Result<(), String> {
    for (command, outcome) in &decision.decided {
        let expected = model.answer(decision, command, outcome);
        if *outcome != expected {
            return demand_equal(&format!("the outcome of {command:?}"), outcome, &expected);
        }
    }
    for row in &decision.rows {
        demand_equal(
            "a row that was written",
            &Some(row),
            &model.rows.get(&row.sku),
        )?;
        if row.reserved < 0 || row.reserved > row.on_hand {
            return Err(format!("out of bounds: {row:?}"));
        }
    }
    Ok(())
}

fn demand_equal<T: PartialEq + std::fmt::Debug + ?Sized>(
    what: &str,
    found: &T,
    expected: &T,
) -> Result<(), String> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("{what} is\n     {found:?}\nnot  {expected:?}"))
    }
}
