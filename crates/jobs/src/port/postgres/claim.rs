use std::collections::HashSet;
use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use stanchion_kernel::{Timestamp, Uuid};
use stanchion_store::StoreError;
use time::OffsetDateTime;

use super::row::{self, Columns};
use super::{committed, level, micros};
use crate::model::{Claimed, Fence, JobId, LeaseId, Queue};
use crate::port::ending::verdicts;
use crate::port::floor::{Floors, Lane, Passed, Place, Taken, Walk};
use crate::port::{Claim, Heartbeat, Holder, Pulse, Quota, Verdict, corrupt};

pub(super) const CLAIM: &str = include_str!("claim.sql");
pub(super) const HAS_SUSPECTS: &str = include_str!("has_suspects.sql");
pub(super) const CLAIM_ALONE: &str = include_str!("claim_alone.sql");
pub(super) const START: &str = include_str!("start.sql");
pub(super) const RENEW: &str = include_str!("renew.sql");
pub(super) const HOLD: &str = include_str!("hold.sql");
pub(super) const PASSED_BY: &str = include_str!("passed_by.sql");
pub(super) const RECALL: &str = include_str!("recall.sql");

/// How far back this claim walks, and from where on it walks each of its lanes.
pub(super) fn floors(floors: &Floors, claim: &Claim, now: Duration) -> (Walk, Vec<Place>) {
    let walk = floors.walk(now);
    let lanes = claim.quotas.iter().map(lane);
    let places = lanes.map(|lane| floors.of(&lane, walk));
    (walk, places.collect())
}

pub(super) fn lane(quota: &Quota) -> Lane {
    (quota.queue.clone(), quota.priority)
}

/// What a claim answers.
pub(super) struct Found {
    jobs: Vec<Claimed>,
    /// Those that had come back to their places: they say nothing of how far the claim walked.
    returned: HashSet<JobId>,
    /// It put some aside.
    has_suspects: bool,
    at: Timestamp,
}

impl Found {
    pub(super) fn jobs(self) -> Vec<Claimed> {
        self.jobs
    }
}

/// Remembers where a claim ended.
pub(super) fn note(floors: &mut Floors, claim: &Claim, found: &Found, walk: Walk) {
    // Quotas may have been cut then, or used for suspects.
    let some = found.has_suspects || found.jobs.len() >= claim.most as usize;
    for quota in &claim.quotas {
        let of_lane = found
            .jobs
            .iter()
            .filter(|job| job.queue == quota.queue && job.priority == quota.priority);
        let (mut jobs, mut last) = (0, None);
        for job in of_lane {
            jobs += 1;
            if !found.returned.contains(&job.fence.job) {
                let place = Place {
                    run_at: job.run_at,
                    id: job.fence.job.0,
                };
                last = last.max(Some(place));
            }
        }
        let taken = if some || jobs >= quota.jobs {
            Taken::Some { last }
        } else {
            Taken::All { last, at: found.at }
        };
        floors.note(lane(quota), taken, walk);
    }
}

pub(super) async fn claim(
    connection: &mut PgConnection,
    claim: &Claim,
    floors: &[Place],
) -> Result<Found, StoreError> {
    let quotas = &claim.quotas;
    let queues: Vec<&str> = quotas.iter().map(|quota| quota.queue.as_str()).collect();
    let levels: Vec<i16> = quotas.iter().map(|quota| level(quota.priority)).collect();
    let most: Vec<i64> = quotas.iter().map(|quota| i64::from(quota.jobs)).collect();
    let (moments, ids) = places(floors.iter());
    let holder = &claim.holder;
    let query = sqlx::query(CLAIM)
        .bind(queues)
        .bind(levels)
        .bind(most)
        .bind(moments)
        .bind(ids)
        .bind(holder.worker.as_str())
        .bind(holder.lease.0)
        .bind(micros(holder.lease_for))
        .bind(claim.starts)
        .bind(i64::from(claim.most));
    let rows = committed(query.fetch_all(connection).await)?;
    found(&rows, holder.lease)
}

/// Reads the rows of a claim: one for each job, or one that says that there was none.
fn found(rows: &[PgRow], lease: LeaseId) -> Result<Found, StoreError> {
    let first = rows
        .first()
        .ok_or_else(|| corrupt("a claim says nothing"))?;
    let mut found = Found {
        jobs: Vec::with_capacity(rows.len()),
        returned: HashSet::new(),
        has_suspects: first.try_get("has_suspects")?,
        at: Timestamp::from_datetime(first.try_get("claimed_at")?),
    };
    for row in rows {
        let Some(returned) = row.try_get("returned")? else {
            break;
        };
        let job = row::claimed(row, lease)?;
        if returned {
            found.returned.insert(job.fence.job);
        }
        found.jobs.push(job);
    }
    Ok(found)
}

/// Finds what was passed by, and locks it.
pub(super) async fn passed_by(
    connection: &mut PgConnection,
    passed: &Passed,
    limit: u32,
) -> Result<Vec<Uuid>, StoreError> {
    let lanes = passed.lanes.iter().map(|(lane, _)| lane);
    let queues: Vec<&str> = lanes.clone().map(|(queue, _)| queue.as_str()).collect();
    let levels: Vec<i16> = lanes.map(|(_, priority)| level(*priority)).collect();
    let (moments, ids) = places(passed.lanes.iter().map(|(_, place)| place));
    let query = sqlx::query_scalar(PASSED_BY)
        .bind(queues)
        .bind(levels)
        .bind(moments)
        .bind(ids)
        .bind(passed.window.from.to_datetime())
        .bind(i64::from(limit));
    Ok(query.fetch_all(connection).await?)
}

/// Puts what was passed by where claims look; answers how much.
pub(super) async fn recall(connection: &mut PgConnection, ids: &[Uuid]) -> Result<u64, StoreError> {
    let query = sqlx::query(RECALL).bind(ids);
    Ok(query.execute(connection).await?.rows_affected())
}

/// Places by columns, as `unnest` takes them.
fn places<'a>(places: impl Iterator<Item = &'a Place>) -> (Vec<OffsetDateTime>, Vec<Uuid>) {
    places
        .map(|place| (place.run_at.to_datetime(), place.id))
        .unzip()
}

pub(super) async fn has_suspects(
    connection: &mut PgConnection,
    queues: &[Queue],
) -> Result<bool, StoreError> {
    let queues: Vec<&str> = queues.iter().map(Queue::as_str).collect();
    let query = sqlx::query_scalar(HAS_SUSPECTS).bind(queues);
    Ok(query.fetch_one(connection).await?)
}

pub(super) async fn claim_alone(
    connection: &mut PgConnection,
    queues: &[Queue],
    holder: &Holder,
) -> Result<Option<Claimed>, StoreError> {
    let queues: Vec<&str> = queues.iter().map(Queue::as_str).collect();
    let query = sqlx::query(CLAIM_ALONE)
        .bind(queues)
        .bind(holder.worker.as_str())
        .bind(holder.lease.0)
        .bind(micros(holder.lease_for));
    let row = committed(query.fetch_optional(connection).await)?;
    row.map(|row| row::claimed(&row, holder.lease)).transpose()
}

pub(super) async fn start(
    connection: &mut PgConnection,
    fences: &[Fence],
) -> Result<Vec<Verdict>, StoreError> {
    let (ids, attempts, leases) = columns(fences.iter().copied());
    let query = sqlx::query(START).bind(ids).bind(attempts).bind(leases);
    let rows = committed(query.fetch_all(connection).await)?;
    let held: Result<Vec<Fence>, StoreError> = rows.iter().map(row::fence).collect();
    Ok(verdicts(fences, held?))
}

pub(super) async fn renew(
    connection: &mut PgConnection,
    beats: &[Heartbeat],
    lease: Duration,
) -> Result<Vec<Pulse>, StoreError> {
    let (ids, attempts, leases) = columns(beats.iter().map(|beat| beat.fence));
    let progress = beats.iter().map(|beat| beat.progress.as_ref());
    let percents = progress
        .clone()
        .map(|progress| progress.map(|progress| i16::from(progress.percent)));
    let messages = progress.map(|progress| progress.map(|progress| progress.message.as_str()));
    let query = sqlx::query(RENEW)
        .bind(ids)
        .bind(attempts)
        .bind(leases)
        .bind(percents.collect::<Vec<Option<i16>>>())
        .bind(messages.collect::<Vec<Option<&str>>>())
        .bind(micros(lease));
    let rows = committed(query.fetch_all(connection).await)?;
    rows.iter().map(pulse).collect()
}

fn pulse(row: &PgRow) -> Result<Pulse, StoreError> {
    Ok(match Columns::of(row).next::<Option<bool>>()? {
        None => Pulse::Lost,
        Some(true) => Pulse::CancelRequested,
        Some(false) => Pulse::Held,
    })
}

pub(super) async fn hold(
    connection: &mut PgConnection,
    fence: Fence,
) -> Result<Verdict, StoreError> {
    let query = sqlx::query(HOLD)
        .bind(fence.job.0)
        .bind(number(fence.attempt))
        .bind(fence.lease.0);
    let found = query.fetch_optional(connection).await?;
    Ok(found.map_or(Verdict::Lost, |_| Verdict::Held))
}

/// Fences by columns, as `unnest` takes them.
pub(super) fn columns(fences: impl Iterator<Item = Fence>) -> (Vec<Uuid>, Vec<i32>, Vec<Uuid>) {
    let (mut ids, mut attempts, mut leases) = (Vec::new(), Vec::new(), Vec::new());
    for fence in fences {
        ids.push(fence.job.0);
        attempts.push(number(fence.attempt));
        leases.push(fence.lease.0);
    }
    (ids, attempts, leases)
}

fn number(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
