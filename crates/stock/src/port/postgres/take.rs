use std::time::Duration;

use sqlx::{PgConnection, Row as _};
use stanchion_kernel::Timestamp;
use stanchion_store::{Statement, StoreError};

use super::statement;
use crate::command::{Action, Command};
use crate::model::{Outcome, Reservation};
use crate::port::corrupt;
use crate::port::stored::Stored;

const TAKE: &str = include_str!("take.sql");

/// The statement that reserves a single line.
#[derive(Debug)]
pub(super) struct Take {
    take: Statement,
}

impl Take {
    pub(super) fn new() -> Self {
        Self {
            take: statement("stock_take", TAKE),
        }
    }

    /// Runs it in a transaction of its own, which is the statement: a connection that is lost meanwhile leaves its
    /// commit unknown.
    pub(super) async fn run(
        &self,
        connection: &mut PgConnection,
        command: &Command,
        keep: Duration,
    ) -> Result<Option<Reservation>, StoreError> {
        let Action::Reserve { id, lines, ttl } = &command.action else {
            return Ok(None);
        };
        let Some(line) = lines.single() else {
            return Ok(None);
        };
        // What is kept names the reservation by its id, and its moments do not matter.
        let mut made = Reservation::held(*id, lines, Timestamp::default(), Timestamp::default());
        let held = serde_json::to_string(&made.lines).map_err(corrupt)?;
        let features: &[&'static str] = if command.key.is_some() {
            &["keyed"]
        } else {
            &[]
        };
        let rendered = self.take.postgres(features);
        let mut query = sqlx::query(rendered.sql);
        for parameter in rendered.parameters {
            query = match (*parameter, &command.key) {
                ("quantity", _) => query.bind(line.quantity),
                ("sku", _) => query.bind(&line.sku),
                ("id", _) => query.bind(*id),
                ("lines", _) => query.bind(&held),
                ("ttl_us", _) => query.bind(micros(*ttl)),
                ("caller", Some(key)) => query.bind(&key.caller),
                ("route", Some(key)) => query.bind(&key.route),
                ("key", Some(key)) => query.bind(&key.key),
                ("fingerprint", Some(key)) => query.bind(key.fingerprint),
                ("keep_us", Some(_)) => query.bind(micros(keep)),
                ("outcome", _) => query.bind(Stored::text(&Outcome::Reserved(made.clone()))?),
                _ => return Err(corrupt(parameter)),
            };
        }
        let taken = query.fetch_optional(connection).await;
        let taken = taken.map_err(StoreError::of_commit)?;
        let Some(taken) = taken else {
            return Ok(None);
        };
        made.created_at = Timestamp::from_datetime(taken.try_get(0)?);
        made.expires_at = Timestamp::from_datetime(taken.try_get(1)?);
        Ok(Some(made))
    }

    #[cfg(test)]
    pub(super) fn rendered(&self, features: &[&'static str]) -> stanchion_store::Rendered {
        self.take.postgres(features)
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
