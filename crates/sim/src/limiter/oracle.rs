//! Judges a history by the promise alone, on true time.

mod windows;

use std::time::Duration;

use super::history::{Call, Event, History, Outcome, Purpose};
use crate::breach::{Breach, TAIL};
use windows::{Admission, Given, worst};

/// So much of what there is demand gets at least, in percent.
const USED: u64 = 95;

/// Checks a history.
///
/// # Errors
/// The first promise that was not kept.
pub fn check(history: &History) -> Result<(), Breach> {
    judge(history).map_err(|(at, what)| Breach {
        seed: history.seed,
        what,
        tail: history.until(at, TAIL),
    })
}

/// What is wrong, and after how many events that is to be seen.
type Found = (usize, String);

fn judge(history: &History) -> Result<(), Found> {
    for bucket in 0..history.rules.len() {
        admits_no_more_than_promised(history, bucket)?;
    }
    for (at, event) in history.events.iter().enumerate() {
        match event {
            Event::Call(call) => answers_when_nothing_is_wrong(call),
            Event::Demanded {
                bucket,
                since,
                until,
            } => uses_what_there_is(history, *bucket, *since, *until),
            _ => Ok(()),
        }
        .map_err(|what| (at + 1, what))?;
    }
    Ok(())
}

fn calls(history: &History) -> impl Iterator<Item = (usize, &Call)> {
    let events = history.events.iter().enumerate();
    events.filter_map(|(at, event)| match event {
        Event::Call(call) => Some((at, call)),
        _ => None,
    })
}

fn admissions(history: &History, bucket: usize) -> Vec<Admission> {
    let admitted = calls(history).filter(|(_, call)| call.outcome == Outcome::Admitted);
    let of = |(at, call): (usize, &Call)| {
        let part = call.parts.iter().find(|part| part.bucket == bucket)?;
        Some(Admission {
            at,
            sent: call.sent,
            decided: call.decided,
            cost: part.cost,
        })
    };
    admitted.filter_map(of).collect()
}

/// Between any two moments no more than the burst and what the rate gave, over all servers.
fn admits_no_more_than_promised(history: &History, bucket: usize) -> Result<(), Found> {
    let rule = history.rules[bucket];
    let steps = history.events.iter().filter_map(|event| match event {
        Event::Stepped { at, by_us } => Some((*at, *by_us)),
        _ => None,
    });
    let given = Given::new(rule, history.fastest, steps);
    let worst = worst(admissions(history, bucket), &given);
    worst.map_or(Ok(()), |window| {
        let found = format!(
            "bucket {bucket}, {rule:?}, admitted {} too many between {:?} and {:?}",
            window.tokens, window.since, window.until
        );
        Err((window.at + 1, found))
    })
}

fn answers_when_nothing_is_wrong(call: &Call) -> Result<(), String> {
    let is_wrong = call.outcome != Outcome::Admitted;
    match call.purpose {
        Purpose::Life if is_wrong => Err(format!("a server does not admit again: {call:?}")),
        Purpose::Whole if is_wrong => Err(format!("a bucket is not full again: {call:?}")),
        _ => Ok(()),
    }
}

/// A denial takes nothing: what there is goes to whoever asks for more.
fn uses_what_there_is(
    history: &History,
    bucket: usize,
    since: Duration,
    until: Duration,
) -> Result<(), String> {
    let rule = history.rules[bucket];
    let wanted = calls(history).filter(|(_, call)| call.purpose == Purpose::Demand);
    let admitted = wanted.filter(|(_, call)| call.outcome == Outcome::Admitted);
    let costs = admitted.map(|(_, call)| call.parts.iter().map(|part| part.cost).sum::<u64>());
    let admitted: u64 = costs.sum();
    let time_us = u64::try_from((until - since).as_micros()).unwrap_or(u64::MAX);
    let there = rule.burst + rule.rate * time_us / 1_000_000;
    if admitted * 100 >= there * USED {
        return Ok(());
    }
    Err(format!(
        "bucket {bucket}, {rule:?}, admitted {admitted} of {there} between {since:?} and {until:?}"
    ))
}
