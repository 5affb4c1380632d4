use rusqlite::{Connection, OptionalExtension as _, Row};
use stanchion_kernel::{Timestamp, Uuid};
use stanchion_store::StoreError;

use super::row::Columns;
use crate::model::{Claimed, Fence, InputHash, JobId, Queue, UniqueScope};
use crate::port::{Claim, Heartbeat, Holder, Pulse, Quota, Verdict};

pub(super) const READY: &str = include_str!("ready.sql");
pub(super) const ALONE: &str = include_str!("alone.sql");
pub(super) const CRASHES: &str = include_str!("crashes.sql");
const SUSPECTS: &str = include_str!("suspects.sql");
pub(super) const ASIDE: &str = include_str!("aside.sql");
pub(super) const TAKE: &str = include_str!("take.sql");
pub(super) const START: &str = include_str!("start.sql");
pub(super) const RENEW: &str = include_str!("renew.sql");
pub(super) const HOLD: &str = include_str!("hold.sql");
pub(super) const DISOWN: &str = include_str!("disown.sql");

type Found = (Uuid, InputHash);

/// What works on a suspect is put aside and not claimed.
pub(super) fn claim(
    connection: &Connection,
    now: Timestamp,
    claim: &Claim,
) -> Result<Vec<Claimed>, StoreError> {
    let mut claimed = Vec::new();
    // Mostly there are none, and then nobody is looked up.
    let are_suspects = connection.prepare_cached(SUSPECTS)?.exists([])?;
    for quota in &claim.quotas {
        let room = claim
            .most
            .saturating_sub(u32::try_from(claimed.len()).unwrap_or(u32::MAX));
        for (id, input) in ready(connection, now, quota, room)? {
            if are_suspects && crashes(connection, input)?.is_some() {
                connection.prepare_cached(ASIDE)?.execute([id.as_bytes()])?;
            } else {
                let started = claim.starts.then_some(now);
                claimed.push(take(connection, now, &claim.holder, started, (id, 0))?);
            }
        }
    }
    Ok(claimed)
}

fn ready(
    connection: &Connection,
    now: Timestamp,
    quota: &Quota,
    room: u32,
) -> Result<Vec<Found>, StoreError> {
    let mut ready = connection.prepare_cached(READY)?;
    let lane = (
        quota.queue.as_str(),
        quota.priority.level(),
        now.as_micros(),
        quota.jobs.min(room),
    );
    let found = ready.query_map(lane, |row| Ok((row.get(0)?, row.get(1)?)))?;
    let found = found.map(|row| {
        let (id, input) = row?;
        Ok((Uuid::from_bytes(id), InputHash(input)))
    });
    found.collect()
}

pub(super) fn has_suspects(
    connection: &Connection,
    now: Timestamp,
    queues: &[Queue],
) -> Result<bool, StoreError> {
    let mut alone = connection.prepare_cached(ALONE)?;
    for queue in queues {
        if alone.exists((queue.as_str(), now.as_micros()))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The oldest of all queues.
pub(super) fn claim_alone(
    connection: &Connection,
    now: Timestamp,
    queues: &[Queue],
    holder: &Holder,
) -> Result<Option<Claimed>, StoreError> {
    let mut oldest: Option<(i64, Uuid, InputHash)> = None;
    for queue in queues {
        let mut alone = connection.prepare_cached(ALONE)?;
        let found = alone.query_row((queue.as_str(), now.as_micros()), |row| {
            let (id, input) = (row.get(0)?, row.get(1)?);
            Ok((row.get(2)?, Uuid::from_bytes(id), InputHash(input)))
        });
        if let Some(found) = found.optional()?
            && oldest.is_none_or(|oldest| found < oldest)
        {
            oldest = Some(found);
        }
    }
    let Some((_, id, input)) = oldest else {
        return Ok(None);
    };
    let crashes = crashes(connection, input)?.unwrap_or_default();
    let claimed = take(connection, now, holder, None, (id, crashes))?;
    Ok(Some(claimed))
}

/// How many processes died on an input; none for one that is no suspect.
fn crashes(connection: &Connection, input: InputHash) -> Result<Option<u32>, StoreError> {
    let mut crashes = connection.prepare_cached(CRASHES)?;
    let found = crashes.query_row([input.0], |row| row.get(0));
    Ok(found.optional()?)
}

fn take(
    connection: &Connection,
    now: Timestamp,
    holder: &Holder,
    started: Option<Timestamp>,
    (id, crashes): (Uuid, u32),
) -> Result<Claimed, StoreError> {
    let mut take = connection.prepare_cached(TAKE)?;
    let mut rows = take.query((
        id.as_bytes(),
        holder.worker.as_str(),
        holder.lease.0.as_bytes(),
        now.saturating_add(holder.lease_for).as_micros(),
        started.map(Timestamp::as_micros),
    ))?;
    let row = rows
        .next()?
        .ok_or_else(|| super::super::corrupt("a job went away"))?;
    let (claimed, unique_key) = read(row, holder, JobId(id), now, crashes)?;
    // The statement is stepped to its end before another one changes the table.
    drop(rows);
    if let Some(key) = unique_key {
        let mut disown = connection.prepare_cached(DISOWN)?;
        disown.execute((key, id.as_bytes()))?;
    }
    Ok(claimed)
}

/// The job, and the key that it gives up by being claimed.
fn read(
    row: &Row<'_>,
    holder: &Holder,
    job: JobId,
    claimed_at: Timestamp,
    crashes: u32,
) -> Result<(Claimed, Option<Vec<u8>>), StoreError> {
    let mut columns = Columns::of(row);
    let fence = Fence {
        job,
        attempt: columns.count()?,
        lease: holder.lease,
    };
    let claimed = Claimed {
        fence,
        queue: columns.queue()?,
        kind: columns.kind()?,
        priority: columns.priority()?,
        args: columns.args()?,
        input: columns.input()?,
        policy: columns.policy()?,
        failures: columns.count()?,
        lost_leases: columns.count()?,
        crashes,
        traceparent: columns.traceparent()?,
        created_at: columns.moment()?,
        run_at: columns.moment()?,
        claimed_at,
    };
    let key: Option<Vec<u8>> = columns.next()?;
    let scope: Option<i16> = columns.next()?;
    let given_up = scope == Some(UniqueScope::Unstarted.number());
    Ok((claimed, key.filter(|_| given_up)))
}

pub(super) fn start(
    connection: &Connection,
    now: Timestamp,
    fences: &[Fence],
) -> Result<Vec<Verdict>, StoreError> {
    let mut start = connection.prepare_cached(START)?;
    let mut verdicts = Vec::with_capacity(fences.len());
    for fence in fences {
        let (id, attempt, lease) = key(fence);
        let started = start.execute((id, attempt, lease, now.as_micros()))?;
        verdicts.push(if started == 1 {
            Verdict::Held
        } else {
            Verdict::Lost
        });
    }
    Ok(verdicts)
}

pub(super) fn renew(
    connection: &Connection,
    until: Timestamp,
    beats: &[Heartbeat],
) -> Result<Vec<Pulse>, StoreError> {
    let mut renew = connection.prepare_cached(RENEW)?;
    let mut pulses = Vec::with_capacity(beats.len());
    for beat in beats {
        let (id, attempt, lease) = key(&beat.fence);
        let progress = beat.progress.as_ref();
        let percent = progress.map(|progress| progress.percent);
        let message = progress.map(|progress| progress.message.as_str());
        let beat = (id, attempt, lease, until.as_micros(), percent, message);
        let asked: Option<bool> = renew.query_row(beat, |row| row.get(0)).optional()?;
        pulses.push(match asked {
            None => Pulse::Lost,
            Some(true) => Pulse::CancelRequested,
            Some(false) => Pulse::Held,
        });
    }
    Ok(pulses)
}

pub(super) fn hold(connection: &Connection, fence: Fence) -> Result<Verdict, StoreError> {
    let mut hold = connection.prepare_cached(HOLD)?;
    let held = hold.exists(key(&fence))?;
    Ok(if held { Verdict::Held } else { Verdict::Lost })
}

/// A fence as statements take it.
pub(super) fn key(fence: &Fence) -> ([u8; 16], u32, [u8; 16]) {
    (
        *fence.job.0.as_bytes(),
        fence.attempt,
        *fence.lease.0.as_bytes(),
    )
}
