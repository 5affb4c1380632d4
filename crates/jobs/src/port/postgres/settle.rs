use std::collections::HashSet;
use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use stanchion_kernel::Timestamp;
use stanchion_store::{Statement, StoreError};

use super::claim::columns;
use super::row::{self, Columns};
use super::{committed, micros};
use crate::model::{Fence, JobId, Kind, Queue, Reason, Settlement};
use crate::port::ending::{Ending, by_fence, keeps, verdicts};
use crate::port::windows::Window;
use crate::port::{Cancelled, RescueRules, Rescued, Verdict, corrupt};
use crate::rescue::{LostLease, after_lost_lease};
use crate::states::State;

const SETTLE: &str = include_str!("settle.sql");
pub(super) const EXPIRED: &str = include_str!("expired.sql");
pub(super) const PROLONG: &str = include_str!("prolong.sql");
pub(super) const UNPARK: &str = include_str!("unpark.sql");
pub(super) const CANCEL: &str = include_str!("cancel.sql");
pub(super) const STATE: &str = include_str!("state.sql");

/// How often it is looked again for a job that is never where it is looked for.
const LOOKS: usize = 10;

/// The statement that ends attempts.
#[derive(Debug)]
pub(super) struct Settle {
    settle: Statement,
}

impl Settle {
    pub(super) fn new() -> Self {
        Self {
            settle: Statement::new("jobs_settle", SETTLE),
        }
    }

    #[cfg(test)]
    pub(super) fn rendered(&self, features: &[&'static str]) -> stanchion_store::Rendered {
        self.settle.postgres(features)
    }

    pub(super) async fn run(
        &self,
        connection: &mut PgConnection,
        settlements: Vec<Settlement>,
    ) -> Result<Vec<Verdict>, StoreError> {
        let (asked, mut endings) = by_fence(settlements)?;
        let mut held = self.apply(&mut *connection, &endings).await?;
        // A cancellation that came while the statement waited for its row is seen by the next one.
        let done: HashSet<Fence> = held.iter().copied().collect();
        endings.retain(|ending| !ending.to.is_final() && !done.contains(&ending.fence));
        held.extend(self.apply(connection, &endings).await?);
        Ok(verdicts(&asked, held))
    }

    /// Rescues what was found.
    pub(super) async fn rescue(
        &self,
        connection: &mut PgConnection,
        lost: Vec<(Ending, Rescued)>,
    ) -> Result<Vec<Rescued>, StoreError> {
        let (mut endings, rescued): (Vec<Ending>, Vec<Rescued>) = lost.into_iter().unzip();
        endings.sort_by_key(|ending| ending.fence);
        self.apply(connection, &endings).await?;
        Ok(rescued)
    }

    /// Answers which fences held.
    async fn apply(
        &self,
        connection: &mut PgConnection,
        endings: &[Ending],
    ) -> Result<Vec<Fence>, StoreError> {
        if endings.is_empty() {
            return Ok(Vec::new());
        }
        let again = endings.iter().any(|ending| !ending.to.is_final());
        let features: &[&'static str] = if again { &["again"] } else { &[] };
        let (ids, attempts, leases) = columns(endings.iter().map(|ending| ending.fence));
        let query = sqlx::query(self.settle.postgres(features).sql)
            .bind(ids)
            .bind(attempts)
            .bind(leases)
            .bind(all(endings, |ending| ending.to.as_str()))
            .bind(all(endings, |ending| ending.after.map(micros)))
            .bind(all(endings, |ending| ending.failed))
            .bind(all(endings, |ending| ending.lost))
            .bind(all(endings, |ending| ending.reason.map(Reason::as_str)))
            .bind(all(endings, |ending| ending.message.clone()))
            .bind(all(endings, |ending| ending.crash))
            .bind(all(endings, |ending| ending.counts))
            .bind(all(endings, |ending| ending.acquitted))
            .bind(all(endings, Ending::keeps))
            .bind(keeps(State::Cancelled));
        let rows = committed(query.fetch_all(connection).await)?;
        rows.iter().map(row::fence).collect()
    }
}

fn all<C>(endings: &[Ending], of: impl Fn(&Ending) -> C) -> Vec<C> {
    endings.iter().map(of).collect()
}

/// Finds leases that are over and locks their jobs; answers when, by the database's clock, too.
pub(super) async fn expired(
    connection: &mut PgConnection,
    rules: RescueRules,
    window: Window,
    limit: u32,
) -> Result<(Timestamp, Vec<(Ending, Rescued)>), StoreError> {
    let at = super::read::now(&mut *connection).await?;
    let query = sqlx::query(EXPIRED)
        .bind(window.from.to_datetime())
        .bind(window.to.map(Timestamp::to_datetime))
        .bind(i64::from(limit));
    let rows = query.fetch_all(&mut *connection).await?;
    let lost: Result<_, StoreError> = rows.iter().map(|row| lost_lease(row, rules)).collect();
    Ok((at, lost?))
}

pub(super) async fn prolong(
    connection: &mut PgConnection,
    from: Timestamp,
    lease: Duration,
    limit: u32,
) -> Result<u64, StoreError> {
    let query = sqlx::query(PROLONG)
        .bind(from.to_datetime())
        .bind(micros(lease))
        .bind(i64::from(limit));
    Ok(committed(query.execute(connection).await)?.rows_affected())
}

fn lost_lease(row: &PgRow, rules: RescueRules) -> Result<(Ending, Rescued), StoreError> {
    let mut columns = Columns::of(row);
    let fence = row::read_fence(&mut columns)?;
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

pub(super) async fn unpark(
    connection: &mut PgConnection,
    queues: &[Queue],
    kinds: &[Kind],
    limit: u32,
) -> Result<u64, StoreError> {
    let queues: Vec<&str> = queues.iter().map(Queue::as_str).collect();
    let kinds: Vec<&str> = kinds.iter().map(Kind::as_str).collect();
    let query = sqlx::query(UNPARK)
        .bind(kinds)
        .bind(queues)
        .bind(i64::from(limit));
    Ok(committed(query.execute(connection).await)?.rows_affected())
}

/// A job that is claimed or given back in the meantime is looked for again.
pub(super) async fn cancel(
    connection: &mut PgConnection,
    id: JobId,
) -> Result<Cancelled, StoreError> {
    for _ in 0..LOOKS {
        let cancel = sqlx::query(CANCEL).bind(id.0).bind(keeps(State::Cancelled));
        let row = committed(cancel.fetch_one(&mut *connection).await)?;
        let (ended, asked): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        if ended > 0 {
            return Ok(Cancelled::Now);
        }
        if asked > 0 {
            return Ok(Cancelled::Requested);
        }
        let state = sqlx::query_scalar(STATE).bind(id.0);
        let state: Option<String> = state.fetch_optional(&mut *connection).await?;
        let Some(state) = state else {
            return Ok(Cancelled::NoJob);
        };
        let state = State::parse(&state).ok_or_else(|| corrupt(state))?;
        if state.is_final() {
            return Ok(Cancelled::Ended(state));
        }
    }
    Err(StoreError::Conflict(
        "the job changes hands all the time".to_owned(),
    ))
}
