use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row, named_params};
use stanchion_kernel::Timestamp;
use stanchion_store::StoreError;

use super::claim::{DISOWN, key};
use super::row::{Columns, state};
use crate::model::{Attempt, Fence, JobId, Kind, Queue, Reason};
use crate::port::ending::{Ending, keeps};
use crate::port::{Cancelled, RescueRules, Rescued, corrupt};
use crate::rescue::{LostLease, after_lost_lease};
use crate::states::{Event, State};

pub(super) const HELD: &str = include_str!("held.sql");
pub(super) const END: &str = include_str!("end.sql");
pub(super) const DELETE: &str = include_str!("delete.sql");
pub(super) const AGAIN: &str = include_str!("again.sql");
pub(super) const ATTEMPT: &str = include_str!("attempt.sql");
const SUSPECT: &str = include_str!("suspect.sql");
pub(super) const ACQUIT: &str = include_str!("acquit.sql");
pub(super) const EXPIRED: &str = include_str!("expired.sql");
pub(super) const PROLONG: &str = include_str!("prolong.sql");
pub(super) const UNPARK: &str = include_str!("unpark.sql");
pub(super) const STATE: &str = include_str!("state.sql");
pub(super) const END_STATE: &str = include_str!("end_state.sql");
pub(super) const ASK: &str = include_str!("ask.sql");

/// What is known of a job whose fence holds.
struct Held {
    input: [u8; 32],
    alone: bool,
    cancel_requested: bool,
    unique: Unique,
    begun: bool,
}

/// A unique key with the number of its scope.
type Unique = Option<([u8; 32], i16)>;

/// Answers which fences held.
pub(super) fn apply(
    connection: &Connection,
    now: Timestamp,
    endings: &[Ending],
) -> Result<Vec<Fence>, StoreError> {
    let mut applied = Vec::with_capacity(endings.len());
    for ending in endings {
        let Some(held) = held(connection, &ending.fence)? else {
            continue;
        };
        if ending.to.is_final() {
            end(connection, now, ending, ending.reason)?;
            disown(connection, ending.fence.job, held.unique, ending.keeps())?;
        } else if held.cancel_requested {
            let stopped = ending.stopped();
            end(connection, now, &stopped, Some(Reason::Cancelled))?;
            disown(connection, ending.fence.job, held.unique, stopped.keeps())?;
        } else {
            again(connection, now, ending)?;
        }
        // What is condemned without having begun is no death.
        if ending.crash && (held.begun || ending.reason != Some(Reason::Poison)) {
            let mut suspect = connection.prepare_cached(SUSPECT)?;
            suspect.execute((held.input, now.as_micros(), ending.counts))?;
        } else if held.alone && ending.acquitted {
            connection.prepare_cached(ACQUIT)?.execute([held.input])?;
        }
        applied.push(ending.fence);
    }
    Ok(applied)
}

fn held(connection: &Connection, fence: &Fence) -> Result<Option<Held>, StoreError> {
    let mut held = connection.prepare_cached(HELD)?;
    let held = held.query_row(key(fence), |row| {
        Ok(Held {
            input: row.get(0)?,
            alone: row.get(1)?,
            cancel_requested: row.get(2)?,
            unique: unique(row, 3)?,
            begun: row.get(5)?,
        })
    });
    Ok(held.optional()?)
}

fn unique(row: &Row<'_>, at: usize) -> Result<Unique, rusqlite::Error> {
    let (key, scope): (Option<_>, Option<_>) = (row.get(at)?, row.get(at + 1)?);
    Ok(key.zip(scope))
}

fn disown(
    connection: &Connection,
    job: JobId,
    unique: Unique,
    keeps: i16,
) -> Result<(), StoreError> {
    if let Some((key, _)) = unique.filter(|(_, scope)| *scope < keeps) {
        let mut disown = connection.prepare_cached(DISOWN)?;
        disown.execute((key, job.0.as_bytes()))?;
    }
    Ok(())
}

/// `why` the job ends, which may be another reason than why its attempt did.
fn end(
    connection: &Connection,
    now: Timestamp,
    ending: &Ending,
    why: Option<Reason>,
) -> Result<(), StoreError> {
    let id = ending.fence.job.0.as_bytes();
    let attempt = match ending.reason {
        Some(reason) => Some(attempt(connection, now, ending, reason)?),
        None => None,
    };
    connection.prepare_cached(END)?.execute(named_params! {
        ":id": id,
        ":state": ending.to.as_str(),
        ":failed": ending.failed,
        ":lost": ending.lost,
        ":now": now.as_micros(),
        ":reason": why.map(Reason::as_str),
        ":message": ending.message,
        ":attempt": attempt,
    })?;
    connection.prepare_cached(DELETE)?.execute([id])?;
    Ok(())
}

fn again(connection: &Connection, now: Timestamp, ending: &Ending) -> Result<(), StoreError> {
    let reason = ending
        .reason
        .ok_or_else(|| corrupt("an end without a reason"))?;
    let run_at = ending.after.map(|after| now.saturating_add(after));
    connection.prepare_cached(AGAIN)?.execute(named_params! {
        ":id": ending.fence.job.0.as_bytes(),
        ":state": ending.to.as_str(),
        ":run_at": run_at.map(Timestamp::as_micros),
        ":failed": ending.failed,
        ":lost": ending.lost,
        ":crash": ending.crash,
        ":acquitted": ending.acquitted,
        ":attempt": attempt(connection, now, ending, reason)?,
    })?;
    Ok(())
}

/// The attempt that is over, as it is kept.
fn attempt(
    connection: &Connection,
    now: Timestamp,
    ending: &Ending,
    reason: Reason,
) -> Result<String, StoreError> {
    let mut attempt = connection.prepare_cached(ATTEMPT)?;
    let (worker, started_at): (Option<String>, Option<i64>) = attempt
        .query_row([ending.fence.job.0.as_bytes()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let attempt = Attempt {
        number: ending.fence.attempt,
        worker: worker.unwrap_or_default(),
        started_at: started_at.map(Timestamp::from_micros),
        ended_at: now,
        reason,
        message: ending.message.clone().unwrap_or_default(),
    };
    serde_json::to_string(&attempt).map_err(corrupt)
}

pub(super) fn rescue(
    connection: &Connection,
    now: Timestamp,
    rules: RescueRules,
    limit: u32,
) -> Result<Vec<Rescued>, StoreError> {
    let mut endings = Vec::new();
    let mut rescued = Vec::new();
    let mut expired = connection.prepare_cached(EXPIRED)?;
    let mut rows = expired.query((now.as_micros(), limit))?;
    while let Some(row) = rows.next()? {
        let (ending, told) = lost_lease(row, rules)?;
        endings.push(ending);
        rescued.push(told);
    }
    apply(connection, now, &endings)?;
    Ok(rescued)
}

pub(super) fn prolong(
    connection: &Connection,
    now: Timestamp,
    lease: Duration,
    limit: u32,
) -> Result<u64, StoreError> {
    let until = now.saturating_add(lease);
    let mut prolong = connection.prepare_cached(PROLONG)?;
    let prolonged = prolong.execute((now.as_micros(), until.as_micros(), limit))?;
    Ok(u64::try_from(prolonged).unwrap_or(u64::MAX))
}

fn lost_lease(row: &Row<'_>, rules: RescueRules) -> Result<(Ending, Rescued), StoreError> {
    let mut columns = Columns::of(row);
    let fence = columns.fence()?;
    let (queue, kind) = (columns.queue()?, columns.kind()?);
    let policy = columns.policy()?;
    let lost = LostLease {
        policy: &policy,
        lost_leases: columns.count()?,
        had_started: columns.next()?,
        alone: columns.next()?,
        cancel_requested: columns.next()?,
        crashes: columns.count()?,
    };
    let ending = Ending::of_lost_lease(fence, after_lost_lease(&lost, rules))?;
    let rescued = Rescued {
        fence,
        queue,
        kind,
        state: ending.to,
        reason: ending.reason.filter(|_| ending.to.is_final()),
    };
    Ok((ending, rescued))
}

pub(super) fn unpark(
    connection: &Connection,
    queues: &[Queue],
    kinds: &[Kind],
    limit: u32,
) -> Result<u64, StoreError> {
    let mut unpark = connection.prepare_cached(UNPARK)?;
    let mut left = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut unparked = 0;
    for kind in kinds {
        for queue in queues {
            let most = i64::try_from(left).unwrap_or(i64::MAX);
            let rows = unpark.execute((kind.as_str(), queue.as_str(), most))?;
            left = left.saturating_sub(rows);
            unparked += u64::try_from(rows).unwrap_or(u64::MAX);
        }
    }
    Ok(unparked)
}

pub(super) fn cancel(
    connection: &Connection,
    now: Timestamp,
    id: JobId,
) -> Result<Cancelled, StoreError> {
    let bytes = id.0.as_bytes();
    let mut live = connection.prepare_cached(STATE)?;
    let live = live.query_row([bytes], |row| Ok((row.get(0)?, unique(row, 1)?)));
    let Some((text, unique)): Option<(String, Unique)> = live.optional()? else {
        let mut ended = connection.prepare_cached(END_STATE)?;
        let ended: Option<String> = ended.query_row([bytes], |row| row.get(0)).optional()?;
        return Ok(match ended {
            Some(text) => Cancelled::Ended(state(&text)?),
            None => Cancelled::NoJob,
        });
    };
    let Some(to) = state(&text)?.after(Event::Cancel) else {
        connection.prepare_cached(ASK)?.execute([bytes])?;
        return Ok(Cancelled::Requested);
    };
    connection.prepare_cached(END)?.execute(named_params! {
        ":id": bytes,
        ":state": to.as_str(),
        ":failed": false,
        ":lost": false,
        ":now": now.as_micros(),
        ":reason": Reason::Cancelled.as_str(),
        ":message": None::<&str>,
        ":attempt": None::<&str>,
    })?;
    connection.prepare_cached(DELETE)?.execute([bytes])?;
    disown(connection, id, unique, keeps(State::Cancelled))?;
    Ok(Cancelled::Now)
}
