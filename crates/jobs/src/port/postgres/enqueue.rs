use std::collections::{HashMap, HashSet};

use sqlx::{PgConnection, Row as _};
use stanchion_kernel::Uuid;
use stanchion_store::{Statement, StoreError};

use super::micros;
use crate::model::{Enqueued, JobId, NewJob, RunAt};
use crate::port::{corrupt, jitter};

const ENQUEUE: &str = include_str!("enqueue.sql");
pub(super) const OWNERS: &str = include_str!("owners.sql");

/// How often a key that its owner gave up meanwhile is tried for again.
const ATTEMPTS: usize = 5;

/// The statement that enqueues.
#[derive(Debug)]
pub(super) struct Enqueue {
    enqueue: Statement,
}

impl Enqueue {
    pub(super) fn new() -> Self {
        Self {
            enqueue: Statement::new("jobs_enqueue", ENQUEUE),
        }
    }

    #[cfg(test)]
    pub(super) fn rendered(&self, features: &[&'static str]) -> stanchion_store::Rendered {
        self.enqueue.postgres(features)
    }

    /// Enqueues in the transaction that is open on `connection`.
    pub(super) async fn run(
        &self,
        connection: &mut PgConnection,
        jobs: &[NewJob],
    ) -> Result<Vec<Enqueued>, StoreError> {
        let mut answers: HashMap<JobId, Enqueued> = HashMap::with_capacity(jobs.len());
        let mut wanted: Vec<&NewJob> = jobs.iter().collect();
        for _ in 0..ATTEMPTS {
            let made = self.insert(connection, &wanted).await?;
            answers.extend(made.iter().map(|id| (*id, Enqueued::New(*id))));
            wanted.retain(|job| !made.contains(&job.id));
            if wanted.is_empty() {
                return answered(jobs, &answers);
            }
            let owners = owners(connection, &wanted).await?;
            wanted.retain(|job| {
                let key = job.unique.map(|unique| unique.key);
                let Some(of) = key.and_then(|key| owners.get(&key)) else {
                    return true;
                };
                answers.insert(job.id, Enqueued::Duplicate { of: *of });
                false
            });
            if wanted.is_empty() {
                return answered(jobs, &answers);
            }
        }
        Err(StoreError::Conflict(
            "a unique key was taken and given up again and again".to_owned(),
        ))
    }

    async fn insert(
        &self,
        connection: &mut PgConnection,
        jobs: &[&NewJob],
    ) -> Result<HashSet<JobId>, StoreError> {
        let unique = jobs.iter().any(|job| job.unique.is_some());
        let features: &[&'static str] = if unique { &["unique"] } else { &[] };
        let query = sqlx::query(self.enqueue.postgres(features).sql)
            .bind(all(jobs, |job| job.id.0))
            .bind(all(jobs, |job| job.queue.as_str().to_owned()))
            .bind(all(jobs, |job| job.kind.as_str().to_owned()))
            .bind(all(jobs, |job| i16::from(job.priority.level())))
            .bind(all(jobs, |job| job.args.as_str().to_owned()))
            .bind(all(jobs, |job| job.input.0))
            .bind(all(jobs, |job| match job.run_at {
                RunAt::At(at) => Some(at.to_datetime()),
                RunAt::Now | RunAt::After(_) => None,
            }))
            .bind(all(jobs, |job| match job.run_at {
                RunAt::After(delay) => Some(micros(delay)),
                RunAt::Now | RunAt::At(_) => None,
            }))
            .bind(all(jobs, |job| i32::from(job.policy.max_attempts)))
            .bind(all(jobs, |job| i32::from(job.policy.max_lost_leases)))
            .bind(all(jobs, |job| micros(job.policy.timeout)))
            .bind(all(jobs, |job| micros(job.policy.backoff.base)))
            .bind(all(jobs, |job| micros(job.policy.backoff.cap)))
            .bind(all(jobs, |job| jitter::name(job.policy.backoff.jitter)))
            .bind(all(jobs, |job| {
                let trace = job.traceparent.as_ref();
                trace.map(|trace| trace.as_str().to_owned())
            }))
            .bind(all(jobs, |job| job.unique.map(|unique| unique.key)))
            .bind(all(jobs, |job| {
                job.unique.map(|unique| unique.scope.number())
            }));
        if !unique {
            // Then nothing keeps any of them away.
            query.execute(connection).await?;
            return Ok(jobs.iter().map(|job| job.id).collect());
        }
        let rows = query.fetch_all(connection).await?;
        let ids = rows.iter().map(|row| Ok(JobId(row.try_get(0)?)));
        ids.collect()
    }
}

fn all<C>(jobs: &[&NewJob], of: impl Fn(&NewJob) -> C) -> Vec<C> {
    jobs.iter().map(|job| of(job)).collect()
}

/// Who has the keys of these jobs.
async fn owners(
    connection: &mut PgConnection,
    jobs: &[&NewJob],
) -> Result<HashMap<[u8; 32], JobId>, StoreError> {
    let keys = jobs.iter().filter_map(|job| job.unique);
    let keys: Vec<[u8; 32]> = keys.map(|unique| unique.key).collect();
    let rows = sqlx::query(OWNERS).bind(keys).fetch_all(connection).await?;
    let owner = |row: &sqlx::postgres::PgRow| -> Result<_, StoreError> {
        let key: &[u8] = row.try_get(0)?;
        let owner: Uuid = row.try_get(1)?;
        Ok((key.try_into().map_err(corrupt)?, JobId(owner)))
    };
    rows.iter().map(owner).collect()
}

fn answered(
    jobs: &[NewJob],
    answers: &HashMap<JobId, Enqueued>,
) -> Result<Vec<Enqueued>, StoreError> {
    let answer = |job: &NewJob| answers.get(&job.id).copied();
    let answers: Option<Vec<Enqueued>> = jobs.iter().map(answer).collect();
    answers.ok_or_else(|| corrupt("a job was enqueued without an answer"))
}
