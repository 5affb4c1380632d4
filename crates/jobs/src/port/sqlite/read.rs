use std::time::Duration;

use rusqlite::{Connection, ToSql, named_params};
use stanchion_kernel::Timestamp;
use stanchion_store::{Rendered, Statement, StoreError};

use super::row::{self, Columns};
use crate::model::{JobId, JobRow, Kind, Queue, Reason, Worker};
use crate::port::figure::{Count, merge};
use crate::port::page::{Sought, paged};
use crate::port::{Figures, Filter, Page, Passed, Sample, corrupt};
use crate::states::State;

const LIVE: &str = include_str!("live.sql");
const ENDED: &str = include_str!("ended.sql");
pub(super) const FIGURES: &str = include_str!("figures.sql");
pub(super) const RECENT: &str = include_str!("recent.sql");
pub(super) const PASSED: &str = include_str!("passed.sql");
pub(super) const HOLDERS: &str = include_str!("holders.sql");

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
        [self.live.sqlite(features), self.ended.sqlite(features)]
    }

    pub(super) fn job(
        &self,
        connection: &Connection,
        id: JobId,
    ) -> Result<Option<JobRow>, StoreError> {
        let sought = Sought::one(id);
        for statement in [&self.live, &self.ended] {
            let mut found = found(connection, statement.sqlite(&sought.features()), &sought)?;
            if let Some(job) = found.pop() {
                return Ok(Some(job));
            }
        }
        Ok(None)
    }

    pub(super) fn page(
        &self,
        connection: &Connection,
        filter: &Filter,
        before: Option<JobId>,
        limit: u32,
    ) -> Result<Page, StoreError> {
        let sought = Sought::page(filter, before, limit);
        let features = sought.features();
        let mut jobs = Vec::new();
        if sought.among_live() {
            jobs.extend(found(connection, self.live.sqlite(&features), &sought)?);
        }
        if sought.among_ended() {
            jobs.extend(found(connection, self.ended.sqlite(&features), &sought)?);
        }
        Ok(paged(jobs, limit))
    }
}

fn found(
    connection: &Connection,
    rendered: Rendered,
    sought: &Sought,
) -> Result<Vec<JobRow>, StoreError> {
    let mut statement = connection.prepare_cached(rendered.sql)?;
    bind(&mut statement, rendered, sought)?;
    let mut rows = statement.raw_query();
    let mut jobs = Vec::new();
    while let Some(row) = rows.next()? {
        jobs.push(row::job(row)?);
    }
    Ok(jobs)
}

/// Binds what the statement asks for.
pub(super) fn bind(
    statement: &mut rusqlite::Statement<'_>,
    rendered: Rendered,
    sought: &Sought,
) -> Result<(), StoreError> {
    let filter = &sought.filter;
    for parameter in rendered.parameters {
        let name = format!(":{parameter}");
        let at = statement.parameter_index(&name)?;
        let at = at.ok_or_else(|| corrupt(format!("no parameter `{name}`")))?;
        let value: &dyn ToSql = match *parameter {
            "id" => &sought.id.map(|id| *id.0.as_bytes()),
            "before" => &sought.before.map(|id| *id.0.as_bytes()),
            "state" => &filter.state.map(State::as_str),
            "queue" => &filter.queue.as_ref().map(Queue::as_str),
            "kind" => &filter.kind.as_ref().map(Kind::as_str),
            "reason" => &filter.reason.map(Reason::as_str),
            "input" => &filter.input.map(|input| input.0),
            "limit" => &sought.limit,
            other => return Err(corrupt(format!("nothing to bind to `{other}`"))),
        };
        statement.raw_bind_parameter(at, value)?;
    }
    Ok(())
}

pub(super) fn figures(
    connection: &Connection,
    now: Timestamp,
    count_to: u32,
) -> Result<Vec<Figures>, StoreError> {
    let mut figures = connection.prepare_cached(FIGURES)?;
    let mut rows = figures.query(named_params! {
        ":now": now.as_micros(),
        ":count_to": count_to,
    })?;
    let mut counts = Vec::new();
    while let Some(row) = rows.next()? {
        let mut columns = Columns::of(row);
        counts.push(Count {
            what: columns.next()?,
            queue: columns.queue()?,
            priority: columns.priority()?,
            jobs: columns.next()?,
            age_us: columns.next()?,
        });
    }
    Ok(merge(counts, count_to))
}

pub(super) fn recent(connection: &Connection, limit: u32) -> Result<Vec<Sample>, StoreError> {
    let mut recent = connection.prepare_cached(RECENT)?;
    let mut rows = recent.query([limit])?;
    let mut samples = Vec::new();
    while let Some(row) = rows.next()? {
        let mut columns = Columns::of(row);
        samples.push(Sample {
            queue: columns.queue()?,
            kind: columns.kind()?,
            priority: columns.priority()?,
            created_at: columns.moment()?,
            run_at: columns.moment()?,
            started_at: columns.maybe_moment()?,
            finished_at: columns.moment()?,
        });
    }
    Ok(samples)
}

pub(super) fn passed(
    connection: &Connection,
    since: Timestamp,
    until: Timestamp,
    count_to: u32,
) -> Result<Vec<Passed>, StoreError> {
    let mut passed = connection.prepare_cached(PASSED)?;
    let mut rows = passed.query(named_params! {
        ":since": since.as_micros(),
        ":until": until.as_micros(),
        ":count_to": count_to,
    })?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let mut columns = Columns::of(row);
        all.push(Passed {
            queue: columns.queue()?,
            served: columns.next::<i64>()?.unsigned_abs(),
            ran: Duration::from_micros(u64::try_from(columns.next::<i64>()?).unwrap_or_default()),
            cancelled: columns.next::<i64>()?.unsigned_abs(),
        });
    }
    Ok(all)
}

pub(super) fn holders(connection: &Connection) -> Result<Vec<(Worker, u64)>, StoreError> {
    let mut holders = connection.prepare_cached(HOLDERS)?;
    let mut rows = holders.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let mut columns = Columns::of(row);
        let worker = Worker::new(columns.text()?).map_err(corrupt)?;
        all.push((worker, columns.next::<i64>()?.unsigned_abs()));
    }
    Ok(all)
}
