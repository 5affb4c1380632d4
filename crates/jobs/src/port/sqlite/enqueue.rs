use rusqlite::{Connection, OptionalExtension as _};
use stanchion_kernel::{Timestamp, Uuid};
use stanchion_store::StoreError;

use super::row::micros;
use crate::model::{Enqueued, JobId, NewJob, RunAt, Traceparent};
use crate::port::jitter;

const INSERT: &str = include_str!("insert.sql");
pub(super) const OWNER: &str = include_str!("owner.sql");
const OWN: &str = include_str!("own.sql");

pub(super) fn enqueue(
    connection: &Connection,
    now: Timestamp,
    jobs: &[NewJob],
) -> Result<Vec<Enqueued>, StoreError> {
    let enqueued = jobs.iter().map(|job| one(connection, now, job));
    enqueued.collect()
}

fn one(connection: &Connection, now: Timestamp, job: &NewJob) -> Result<Enqueued, StoreError> {
    if let Some(unique) = job.unique {
        let mut owner = connection.prepare_cached(OWNER)?;
        let owner = owner.query_row([unique.key], |row| row.get(0)).optional()?;
        if let Some(owner) = owner {
            let of = JobId(Uuid::from_bytes(owner));
            return Ok(Enqueued::Duplicate { of });
        }
        let mut own = connection.prepare_cached(OWN)?;
        own.execute((unique.key, job.id.0.as_bytes()))?;
    }
    let (policy, priority) = (&job.policy, job.priority.level());
    connection
        .prepare_cached(INSERT)?
        .execute(rusqlite::params![
            job.id.0.as_bytes(),
            job.queue.as_str(),
            job.kind.as_str(),
            priority,
            job.args.as_str(),
            job.input.0,
            policy.max_attempts,
            policy.max_lost_leases,
            micros(policy.timeout),
            micros(policy.backoff.base),
            micros(policy.backoff.cap),
            jitter::name(policy.backoff.jitter),
            job.traceparent.as_ref().map(Traceparent::as_str),
            job.unique.map(|unique| unique.key),
            job.unique.map(|unique| unique.scope.number()),
            now.as_micros(),
            run_at(job.run_at, now).as_micros(),
        ])?;
    Ok(Enqueued::New(job.id))
}

/// What could have run before runs now.
fn run_at(wanted: RunAt, now: Timestamp) -> Timestamp {
    match wanted {
        RunAt::Now => now,
        RunAt::After(delay) => now.saturating_add(delay),
        RunAt::At(at) => at.max(now),
    }
}
