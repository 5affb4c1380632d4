use std::time::Duration;

use sqlx::PgConnection;
use stanchion_store::{Statement, StoreError};

use super::{committed, micros};
use crate::port::{Retention, corrupt};
use crate::states::State;

const PRUNE: &str = include_str!("prune.sql");
pub(super) const PRUNE_SUSPECTS: &str = include_str!("prune_suspects.sql");

/// The statement that forgets.
#[derive(Debug)]
pub(super) struct Prune {
    prune: Statement,
}

impl Prune {
    pub(super) fn new() -> Self {
        Self {
            prune: Statement::new("jobs_prune", PRUNE),
        }
    }

    #[cfg(test)]
    pub(super) fn rendered(&self, features: &[&'static str]) -> stanchion_store::Rendered {
        self.prune.postgres(features)
    }

    pub(super) async fn run(
        &self,
        connection: &mut PgConnection,
        keep: Retention,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let mut pruned = 0;
        for (state, keep) in [
            (State::Completed, keep.done),
            (State::Cancelled, keep.done),
            (State::Dead, keep.dead),
        ] {
            let rest = i64::from(limit).saturating_sub(pruned);
            pruned += self.history(connection, state, keep, rest).await?;
        }
        let query = sqlx::query(PRUNE_SUSPECTS)
            .bind(micros(keep.dead))
            .bind(i64::from(limit));
        committed(query.execute(connection).await)?;
        Ok(pruned.unsigned_abs())
    }

    async fn history(
        &self,
        connection: &mut PgConnection,
        state: State,
        keep: Duration,
        limit: i64,
    ) -> Result<i64, StoreError> {
        let done = state == State::Completed;
        let rendered = self.prune.postgres(if done { &["done"] } else { &[] });
        let mut query = sqlx::query_scalar(rendered.sql);
        for parameter in rendered.parameters {
            query = match *parameter {
                "keep_us" => query.bind(micros(keep)),
                "state" => query.bind(state.as_str()),
                "limit" => query.bind(limit),
                other => return Err(corrupt(format!("nothing to bind to `{other}`"))),
            };
        }
        committed(query.fetch_one(connection).await)
    }
}
