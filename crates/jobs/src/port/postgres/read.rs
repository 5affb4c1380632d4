use std::time::Duration;

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{PgConnection, Postgres};
use stanchion_kernel::Timestamp;
use stanchion_store::{Rendered, Statement, StoreError};

use super::row::{self, Columns};
use crate::model::{JobId, JobRow, Reason, Worker};
use crate::port::page::{Sought, paged};
use crate::port::{Filter, Page, Passed, Sample, corrupt};
use crate::states::State;

const LIVE: &str = include_str!("live.sql");
const ENDED: &str = include_str!("ended.sql");
pub(super) const RECENT: &str = include_str!("recent.sql");
pub(super) const PASSED: &str = include_str!("passed.sql");
pub(super) const HOLDERS: &str = include_str!("holders.sql");
const NOW: &str = include_str!("now.sql");

type Query = sqlx::query::Query<'static, Postgres, PgArguments>;

/// The statements that find jobs.
#[derive(Debug)]
pub(super) struct Reads {
    live: Statement,
    ended: Statement,
}

impl Reads {
    pub(super) fn new() -> Self {
        Self {
            live: Statement::new("jobs_live", LIVE),
            ended: Statement::new("jobs_ended", ENDED),
        }
    }

    #[cfg(test)]
    pub(super) fn rendered(&self, features: &[&'static str]) -> [Rendered; 2] {
        [self.live.postgres(features), self.ended.postgres(features)]
    }

    /// A job that ends between the two looks is found by the third.
    pub(super) async fn job(
        &self,
        connection: &mut PgConnection,
        id: JobId,
    ) -> Result<Option<JobRow>, StoreError> {
        let sought = Sought::one(id);
        for statement in [&self.live, &self.ended, &self.live] {
            let rendered = statement.postgres(&sought.features());
            let query = bound(rendered, &sought)?;
            if let Some(row) = query.fetch_optional(&mut *connection).await? {
                return Ok(Some(row::job(&row)?));
            }
        }
        Ok(None)
    }

    pub(super) async fn page(
        &self,
        connection: &mut PgConnection,
        filter: &Filter,
        before: Option<JobId>,
        limit: u32,
    ) -> Result<Page, StoreError> {
        let sought = Sought::page(filter, before, limit);
        let mut jobs = Vec::new();
        for (statement, is_wanted) in [
            (&self.live, sought.among_live()),
            (&self.ended, sought.among_ended()),
        ] {
            if is_wanted {
                let query = bound(statement.postgres(&sought.features()), &sought)?;
                let rows = query.fetch_all(&mut *connection).await?;
                for row in &rows {
                    jobs.push(row::job(row)?);
                }
            }
        }
        Ok(paged(jobs, limit))
    }
}

/// Binds what the statement asks for, in its order.
fn bound(rendered: Rendered, sought: &Sought) -> Result<Query, StoreError> {
    let mut query = sqlx::query(rendered.sql);
    let filter = &sought.filter;
    for parameter in rendered.parameters {
        query = match *parameter {
            "id" => query.bind(sought.id.map(|id| id.0)),
            "before" => query.bind(sought.before.map(|id| id.0)),
            "state" => query.bind(filter.state.map(State::as_str)),
            "queue" => query.bind(filter.queue.as_ref().map(|queue| queue.as_str().to_owned())),
            "kind" => query.bind(filter.kind.as_ref().map(|kind| kind.as_str().to_owned())),
            "reason" => query.bind(filter.reason.map(Reason::as_str)),
            "input" => query.bind(filter.input.map(|input| input.0)),
            "limit" => query.bind(i64::from(sought.limit)),
            other => return Err(corrupt(format!("nothing to bind to `{other}`"))),
        };
    }
    Ok(query)
}

pub(super) async fn recent(
    connection: &mut PgConnection,
    limit: u32,
) -> Result<Vec<Sample>, StoreError> {
    let query = sqlx::query(RECENT).bind(i64::from(limit));
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(sample).collect()
}

fn sample(row: &PgRow) -> Result<Sample, StoreError> {
    let mut columns = Columns::of(row);
    Ok(Sample {
        queue: columns.queue()?,
        kind: columns.kind()?,
        priority: columns.priority()?,
        created_at: columns.moment()?,
        run_at: columns.moment()?,
        started_at: columns.maybe_moment()?,
        finished_at: columns.moment()?,
    })
}

pub(super) async fn passed(
    connection: &mut PgConnection,
    since: Timestamp,
    until: Timestamp,
    count_to: u32,
) -> Result<Vec<Passed>, StoreError> {
    let query = sqlx::query(PASSED)
        .bind(since.to_datetime())
        .bind(until.to_datetime())
        .bind(i64::from(count_to));
    let rows = query.fetch_all(connection).await?;
    let passed = |row| {
        let mut columns = Columns::of(row);
        Ok(Passed {
            queue: columns.queue()?,
            served: columns.next::<i64>()?.unsigned_abs(),
            ran: Duration::from_micros(u64::try_from(columns.next::<i64>()?).unwrap_or_default()),
            cancelled: columns.next::<i64>()?.unsigned_abs(),
        })
    };
    rows.iter().map(passed).collect()
}

pub(super) async fn holders(
    connection: &mut PgConnection,
    leased: Timestamp,
) -> Result<Vec<(Worker, u64)>, StoreError> {
    let query = sqlx::query(HOLDERS).bind(leased.to_datetime());
    let rows = query.fetch_all(connection).await?;
    let holder = |row| {
        let mut columns = Columns::of(row);
        let worker = Worker::new(columns.text()?).map_err(corrupt)?;
        Ok((worker, columns.next::<i64>()?.unsigned_abs()))
    };
    rows.iter().map(holder).collect()
}

pub(super) async fn now(connection: &mut PgConnection) -> Result<Timestamp, StoreError> {
    let now = sqlx::query_scalar(NOW).fetch_one(connection).await?;
    Ok(Timestamp::from_datetime(now))
}
