//! Rows as values.

use std::time::Duration;

use rusqlite::Row;
use rusqlite::types::FromSql;
use stanchion_kernel::{Timestamp, Uuid};
use stanchion_store::StoreError;

use crate::model::{
    Args, Backoff, Fence, InputHash, JobId, JobRow, Kind, LeaseId, Policy, Priority, Progress,
    Queue, Reason, Traceparent,
};
use crate::port::{corrupt, jitter};
use crate::states::State;

/// Reads a row's columns in their order.
pub(super) struct Columns<'r> {
    row: &'r Row<'r>,
    at: usize,
}

impl<'r> Columns<'r> {
    pub(super) fn of(row: &'r Row<'r>) -> Self {
        Self { row, at: 0 }
    }

    pub(super) fn next<T: FromSql>(&mut self) -> Result<T, StoreError> {
        self.at += 1;
        Ok(self.row.get(self.at - 1)?)
    }

    pub(super) fn text(&mut self) -> Result<&'r str, StoreError> {
        self.at += 1;
        let value = self.row.get_ref(self.at - 1)?;
        value.as_str().map_err(corrupt)
    }

    pub(super) fn id(&mut self) -> Result<Uuid, StoreError> {
        Ok(Uuid::from_bytes(self.next()?))
    }

    pub(super) fn count(&mut self) -> Result<u32, StoreError> {
        self.next()
    }

    pub(super) fn moment(&mut self) -> Result<Timestamp, StoreError> {
        Ok(Timestamp::from_micros(self.next()?))
    }

    pub(super) fn maybe_moment(&mut self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.next::<Option<i64>>()?.map(Timestamp::from_micros))
    }

    pub(super) fn queue(&mut self) -> Result<Queue, StoreError> {
        Queue::new(self.text()?).map_err(corrupt)
    }

    pub(super) fn kind(&mut self) -> Result<Kind, StoreError> {
        Kind::new(self.text()?).map_err(corrupt)
    }

    pub(super) fn priority(&mut self) -> Result<Priority, StoreError> {
        Priority::new(self.next()?).map_err(corrupt)
    }

    pub(super) fn args(&mut self) -> Result<Args, StoreError> {
        Ok(Args::stored(self.next()?))
    }

    pub(super) fn input(&mut self) -> Result<InputHash, StoreError> {
        Ok(InputHash(self.next()?))
    }

    fn duration(&mut self) -> Result<Duration, StoreError> {
        let us = u64::try_from(self.next::<i64>()?).map_err(corrupt)?;
        Ok(Duration::from_micros(us))
    }

    /// The six columns of a policy.
    pub(super) fn policy(&mut self) -> Result<Policy, StoreError> {
        Ok(Policy {
            max_attempts: self.next()?,
            max_lost_leases: self.next()?,
            timeout: self.duration()?,
            backoff: Backoff {
                base: self.duration()?,
                cap: self.duration()?,
                jitter: jitter::parse(self.text()?).ok_or_else(|| corrupt("jitter"))?,
            },
        })
    }

    pub(super) fn traceparent(&mut self) -> Result<Option<Traceparent>, StoreError> {
        Ok(self.next::<Option<String>>()?.map(Traceparent::stored))
    }

    pub(super) fn fence(&mut self) -> Result<Fence, StoreError> {
        Ok(Fence {
            job: JobId(self.id()?),
            attempt: self.count()?,
            lease: LeaseId(self.id()?),
        })
    }

    fn progress(&mut self) -> Result<Option<Progress>, StoreError> {
        let percent: Option<u8> = self.next()?;
        let message: Option<String> = self.next()?;
        Ok(percent.map(|percent| Progress {
            percent,
            message: message.unwrap_or_default(),
        }))
    }

    fn reason(&mut self) -> Result<Option<Reason>, StoreError> {
        let text: Option<String> = self.next()?;
        let reason = text.map(|text| Reason::parse(&text).ok_or_else(|| corrupt(text)));
        reason.transpose()
    }
}

pub(super) fn state(text: &str) -> Result<State, StoreError> {
    State::parse(text).ok_or_else(|| corrupt(text))
}

pub(super) fn job(row: &Row<'_>) -> Result<JobRow, StoreError> {
    let mut columns = Columns::of(row);
    Ok(JobRow {
        id: JobId(columns.id()?),
        queue: columns.queue()?,
        kind: columns.kind()?,
        priority: columns.priority()?,
        state: state(columns.text()?)?,
        args: columns.args()?,
        input: columns.input()?,
        policy: columns.policy()?,
        attempt: columns.count()?,
        failures: columns.count()?,
        lost_leases: columns.count()?,
        alone: columns.next()?,
        cancel_requested: columns.next()?,
        progress: columns.progress()?,
        traceparent: columns.traceparent()?,
        worker: columns.next()?,
        created_at: columns.moment()?,
        run_at: columns.moment()?,
        started_at: columns.maybe_moment()?,
        leased_until: columns.maybe_moment()?,
        finished_at: columns.maybe_moment()?,
        reason: columns.reason()?,
        message: columns.next()?,
        attempts: serde_json::from_str(columns.text()?).map_err(corrupt)?,
    })
}

pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
