//! Rows as values.

use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::{Row as _, ValueRef as _};
use stanchion_kernel::Timestamp;
use stanchion_store::StoreError;
use time::OffsetDateTime;

use crate::model::{
    Args, Backoff, Claimed, Fence, InputHash, JobId, JobRow, Kind, LeaseId, Policy, Priority,
    Progress, Queue, Reason, Traceparent,
};
use crate::port::{corrupt, jitter};
use crate::states::State;

/// Reads a row's columns in their order.
pub(super) struct Columns<'r> {
    row: &'r PgRow,
    at: usize,
}

impl<'r> Columns<'r> {
    pub(super) fn of(row: &'r PgRow) -> Self {
        Self { row, at: 0 }
    }

    pub(super) fn next<T>(&mut self) -> Result<T, StoreError>
    where
        T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        self.at += 1;
        Ok(self.row.try_get(self.at - 1)?)
    }

    pub(super) fn text(&mut self) -> Result<&'r str, StoreError> {
        self.at += 1;
        let raw = self.row.try_get_raw(self.at - 1)?;
        if raw.is_null() {
            return Err(corrupt("a text is missing"));
        }
        raw.as_str().map_err(corrupt)
    }

    pub(super) fn count(&mut self) -> Result<u32, StoreError> {
        u32::try_from(self.next::<i32>()?).map_err(corrupt)
    }

    pub(super) fn moment(&mut self) -> Result<Timestamp, StoreError> {
        Ok(Timestamp::from_datetime(self.next()?))
    }

    pub(super) fn maybe_moment(&mut self) -> Result<Option<Timestamp>, StoreError> {
        let at: Option<OffsetDateTime> = self.next()?;
        Ok(at.map(Timestamp::from_datetime))
    }

    pub(super) fn queue(&mut self) -> Result<Queue, StoreError> {
        Queue::new(self.text()?).map_err(corrupt)
    }

    pub(super) fn kind(&mut self) -> Result<Kind, StoreError> {
        Kind::new(self.text()?).map_err(corrupt)
    }

    pub(super) fn priority(&mut self) -> Result<Priority, StoreError> {
        let level = u8::try_from(self.next::<i16>()?).map_err(corrupt)?;
        Priority::new(level).map_err(corrupt)
    }

    pub(super) fn args(&mut self) -> Result<Args, StoreError> {
        Ok(Args::stored(self.text()?.to_owned()))
    }

    pub(super) fn input(&mut self) -> Result<InputHash, StoreError> {
        let bytes: &[u8] = self.next()?;
        Ok(InputHash(bytes.try_into().map_err(corrupt)?))
    }

    fn duration(&mut self) -> Result<Duration, StoreError> {
        let us = u64::try_from(self.next::<i64>()?).map_err(corrupt)?;
        Ok(Duration::from_micros(us))
    }

    /// The six columns of a policy.
    pub(super) fn policy(&mut self) -> Result<Policy, StoreError> {
        Ok(Policy {
            max_attempts: u16::try_from(self.count()?).map_err(corrupt)?,
            max_lost_leases: u16::try_from(self.count()?).map_err(corrupt)?,
            timeout: self.duration()?,
            backoff: Backoff {
                base: self.duration()?,
                cap: self.duration()?,
                jitter: jitter::parse(self.text()?).ok_or_else(|| corrupt("jitter"))?,
            },
        })
    }

    fn traceparent(&mut self) -> Result<Option<Traceparent>, StoreError> {
        Ok(self.next::<Option<String>>()?.map(Traceparent::stored))
    }

    fn progress(&mut self) -> Result<Option<Progress>, StoreError> {
        let percent: Option<i16> = self.next()?;
        let message: Option<String> = self.next()?;
        let percent = percent.map(u8::try_from).transpose().map_err(corrupt)?;
        Ok(percent.map(|percent| Progress {
            percent,
            message: message.unwrap_or_default(),
        }))
    }

    fn state(&mut self) -> Result<State, StoreError> {
        let text = self.text()?;
        State::parse(text).ok_or_else(|| corrupt(text))
    }
}

/// The fence of a row that begins with its three columns.
pub(super) fn fence(row: &PgRow) -> Result<Fence, StoreError> {
    read_fence(&mut Columns::of(row))
}

pub(super) fn read_fence(columns: &mut Columns<'_>) -> Result<Fence, StoreError> {
    Ok(Fence {
        job: JobId(columns.next()?),
        attempt: columns.count()?,
        lease: LeaseId(columns.next()?),
    })
}

pub(super) fn claimed(row: &PgRow, lease: LeaseId) -> Result<Claimed, StoreError> {
    let mut columns = Columns::of(row);
    let fence = Fence {
        job: JobId(columns.next()?),
        attempt: columns.count()?,
        lease,
    };
    Ok(Claimed {
        fence,
        queue: columns.queue()?,
        kind: columns.kind()?,
        priority: columns.priority()?,
        args: columns.args()?,
        input: columns.input()?,
        policy: columns.policy()?,
        failures: columns.count()?,
        lost_leases: columns.count()?,
        crashes: columns.count()?,
        traceparent: columns.traceparent()?,
        created_at: columns.moment()?,
        run_at: columns.moment()?,
        claimed_at: columns.moment()?,
    })
}

pub(super) fn job(row: &PgRow) -> Result<JobRow, StoreError> {
    let mut columns = Columns::of(row);
    Ok(JobRow {
        id: JobId(columns.next()?),
        queue: columns.queue()?,
        kind: columns.kind()?,
        priority: columns.priority()?,
        state: columns.state()?,
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
        reason: columns
            .next::<Option<&str>>()?
            .map(|text| Reason::parse(text).ok_or_else(|| corrupt(text)))
            .transpose()?,
        message: columns.next()?,
        attempts: serde_json::from_str(columns.text()?).map_err(corrupt)?,
    })
}
