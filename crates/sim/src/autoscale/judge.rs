use std::time::Duration;

use super::history::{History, Moment};
use super::load::CHANGES;
use crate::breach::{Breach, TAIL};

/// How far the number of workers may go beyond what was needed.
const OVERSHOOT: f64 = 1.2;
/// Until a load is learnt there is no promise: the averages begin with nothing.
const LEARNT: Duration = Duration::from_mins(2);
/// What a backlog may take longer than the time to drain: workers start, and arrivals are averaged.
const SLACK: Duration = Duration::from_mins(2);
/// How often the number may turn between two changes of the load: up, and down again.
const TURNS: usize = 1;
/// How often it may turn in all, swings of a single worker included, which chance asks for.
const SMALL_TURNS: usize = 5;
/// For how long after a change of the load the number may be higher than what its end needs.
const SETTLED: Duration = Duration::from_mins(6);

/// Whether the number of workers was what it should be.
///
/// # Errors
/// The first breach.
pub fn check(history: &History) -> Result<(), Breach> {
    interrupts(history)?;
    overshoot(history)?;
    settles(history)?;
    drains(history)?;
    oscillation(history)
}

/// There are never more workers than 1.2 times the most that were needed until then, rounded up.
fn overshoot(history: &History) -> Result<(), Breach> {
    let mut most: f64 = 1.0;
    for (at, moment) in history.moments.iter().enumerate() {
        most = most.max(moment.steady + moment.extra);
        if f64::from(moment.wanted) > (OVERSHOOT * most).ceil() {
            let what = format!("{} workers where {most:.1} were needed", moment.wanted);
            return Err(breach(history, at, what));
        }
    }
    Ok(())
}

/// When a load has not changed for long there are no more workers than 1.2 times what comes in needs, and one, or than what
/// runs has use for.
fn settles(history: &History) -> Result<(), Breach> {
    for phase in phases(history) {
        let Some(first) = phase.first() else { continue };
        let settled = phase
            .iter()
            .filter(|moment| moment.at >= first.at + SETTLED);
        for moment in settled {
            let most = ((OVERSHOOT * moment.steady).ceil() + 1.0).max(moment.busy.ceil());
            if f64::from(moment.wanted) > most && moment.extra < 1.0 {
                let what = format!(
                    "{} workers long after {:.1} do",
                    moment.wanted, moment.steady
                );
                return Err(breach(history, place(history, moment), what));
            }
        }
    }
    Ok(())
}

/// A backlog that needs a worker more, and a tenth more than what comes in does, is gone in time.
fn drains(history: &History) -> Result<(), Breach> {
    let mut since = None;
    for (at, moment) in history.moments.iter().enumerate() {
        let is_behind = moment.extra > 1.0 + moment.steady / 10.0;
        let began = *since.get_or_insert(moment.at);
        if !is_behind {
            since = None;
        } else if moment.at - began > history.drain + SLACK {
            let what = format!("{} jobs wait since {began:?}", moment.backlog);
            return Err(breach(history, at, what));
        }
    }
    Ok(())
}

/// Nobody is told to stop in the middle of a job. Where a worker runs several at once, what runs may have room on fewer workers
/// than it is on.
fn interrupts(history: &History) -> Result<(), Breach> {
    let mut moments = history.moments.iter();
    let interrupted = moments.position(|moment| moment.interrupted > 0);
    match interrupted.filter(|_| history.slots == 1) {
        Some(at) => {
            let what = "workers are stopped in the middle of their jobs".to_owned();
            Err(breach(history, at, what))
        }
        None => Ok(()),
    }
}

/// Between two changes of the load the number goes up and comes down again, and does not go to and fro.
fn oscillation(history: &History) -> Result<(), Breach> {
    for phase in phases(history) {
        for (swing, most) in [(2, TURNS), (1, SMALL_TURNS)] {
            if let Some(moment) = turns(phase, swing).nth(most) {
                let what = "the number of workers goes to and fro".to_owned();
                return Err(breach(history, place(history, moment), what));
            }
        }
    }
    Ok(())
}

/// The moments at which the number has come back from where it was going, by at least so many workers.
fn turns(phase: &[Moment], swing: u32) -> impl Iterator<Item = &Moment> {
    let mut going = None;
    let mut furthest = phase.first().map_or(0, |first| first.wanted);
    phase.iter().filter(move |moment| {
        let up = moment.wanted > furthest;
        if moment.wanted == furthest {
            return false;
        }
        if going == Some(up) {
            furthest = moment.wanted;
            return false;
        }
        let turned = moment.wanted.abs_diff(furthest) >= swing;
        if turned {
            furthest = moment.wanted;
        }
        turned && going.replace(up).is_some()
    })
}

/// The moments between the changes of the load, the time of learning left out.
fn phases(history: &History) -> impl Iterator<Item = &[Moment]> {
    let mut bounds = vec![LEARNT];
    bounds.extend(CHANGES);
    bounds.push(Duration::MAX);
    let place = |at: Duration| history.moments.partition_point(|moment| moment.at < at);
    let places: Vec<_> = bounds.into_iter().map(place).collect();
    let phases: Vec<_> = places
        .windows(2)
        .map(|pair| &history.moments[pair[0]..pair[1]])
        .collect();
    phases.into_iter()
}

fn place(history: &History, moment: &Moment) -> usize {
    history
        .moments
        .partition_point(|other| other.at < moment.at)
}

fn breach(history: &History, at: usize, what: String) -> Breach {
    let from = at.saturating_sub(TAIL);
    let tail = history.moments[from..=at]
        .iter()
        .map(|moment| format!("{moment:?}\n"));
    Breach {
        seed: history.seed,
        what,
        tail: tail.collect(),
    }
}
