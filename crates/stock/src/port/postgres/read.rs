use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use stanchion_kernel::{Timestamp, Uuid};
use stanchion_store::idempotency::IdempotencyKey;
use stanchion_store::{Statement, StoreError};

use super::statement;
use crate::command::Batch;
use crate::decide::{Known, View};
use crate::model::{HeldLine, Reservation, StockRow};
use crate::port::corrupt;
use crate::port::stored::Stored;

const ROWS: &str = include_str!("rows.sql");
pub(super) const ROW: &str = include_str!("row.sql");
pub(super) const RESERVATIONS: &str = include_str!("reservations.sql");
pub(super) const DUE: &str = include_str!("due.sql");
pub(super) const REQUESTS: &str = include_str!("requests.sql");

/// The statements that read, with a lock or without.
#[derive(Debug)]
pub(super) struct Reads {
    rows: Statement,
}

impl Reads {
    pub(super) fn new() -> Self {
        Self {
            rows: statement("stock_rows", ROWS),
        }
    }

    #[cfg(test)]
    pub(super) fn rendered(&self, features: &[&'static str]) -> stanchion_store::Rendered {
        self.rows.postgres(features)
    }

    /// What a batch is decided by. The rows come first: whoever changes a reservation or answers a key holds their locks.
    pub(super) async fn view(
        &self,
        connection: &mut PgConnection,
        batch: &Batch,
        locked: bool,
    ) -> Result<View, StoreError> {
        let (mut now, rows) = self.rows(&mut *connection, &batch.skus(), locked).await?;
        let known = known(&mut *connection, batch).await?;
        let wanted = batch.reservations();
        let mut reservations = Vec::new();
        if !wanted.is_empty() {
            let (later, found) = self::reservations(connection, wanted).await?;
            reservations = found;
            now = later.unwrap_or(now);
        }
        Ok(View {
            now,
            rows,
            reservations,
            known,
        })
    }

    /// The database's clock, and the rows of these SKUs that there are.
    pub(super) async fn rows(
        &self,
        connection: &mut PgConnection,
        skus: &[String],
        locked: bool,
    ) -> Result<(Timestamp, Vec<StockRow>), StoreError> {
        let features: &[&'static str] = if locked { &["locked"] } else { &[] };
        let rendered = self.rows.postgres(features);
        let found = sqlx::query(rendered.sql)
            .bind(skus)
            .fetch_all(connection)
            .await?;
        // The last row's clock was read after the last lock.
        let now = found
            .last()
            .ok_or_else(|| corrupt("no clock"))?
            .try_get(0)?;
        let rows = found.iter().filter_map(|row| stock_row(row).transpose());
        let rows: Result<Vec<StockRow>, StoreError> = rows.collect();
        Ok((Timestamp::from_datetime(now), rows?))
    }
}

pub(super) async fn row(
    connection: &mut PgConnection,
    sku: &str,
) -> Result<Option<StockRow>, StoreError> {
    let found = sqlx::query(ROW)
        .bind(sku)
        .fetch_optional(connection)
        .await?;
    match found {
        Some(row) => stock_row(&row),
        None => Ok(None),
    }
}

pub(super) async fn reservations(
    connection: &mut PgConnection,
    ids: Vec<Uuid>,
) -> Result<(Option<Timestamp>, Vec<Reservation>), StoreError> {
    let query = sqlx::query(RESERVATIONS).bind(ids);
    let rows = query.fetch_all(connection).await?;
    let now = rows.last().map(|row| row.try_get(0)).transpose()?;
    let found: Result<Vec<Reservation>, StoreError> = rows.iter().map(reservation).collect();
    Ok((now.map(Timestamp::from_datetime), found?))
}

pub(super) async fn due(
    connection: &mut PgConnection,
    limit: u32,
) -> Result<Vec<Reservation>, StoreError> {
    let query = sqlx::query(DUE).bind(i64::from(limit));
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(reservation).collect()
}

/// The first outcomes of the batch's keys.
async fn known(connection: &mut PgConnection, batch: &Batch) -> Result<Vec<Known>, StoreError> {
    let keys: Vec<&IdempotencyKey> = batch.keys().collect();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let part = |of: fn(&IdempotencyKey) -> &String| -> Vec<String> {
        keys.iter().map(|key| of(key).clone()).collect()
    };
    let rows = sqlx::query(REQUESTS)
        .bind(part(|key| &key.caller))
        .bind(part(|key| &key.route))
        .bind(part(|key| &key.key))
        .fetch_all(&mut *connection)
        .await?;
    let found: Result<Vec<_>, StoreError> = rows.iter().map(request).collect();
    let found = found?;
    let made = found.iter().filter_map(|(_, stored)| stored.made());
    let (_, made) = reservations(connection, made.collect()).await?;
    let known = found.into_iter().map(|(key, stored)| {
        Ok(Known {
            key,
            outcome: stored.outcome(&made)?,
        })
    });
    known.collect()
}

fn request(row: &PgRow) -> Result<(IdempotencyKey, Stored), StoreError> {
    let fingerprint: Vec<u8> = row.try_get(3)?;
    let key = IdempotencyKey {
        caller: row.try_get(0)?,
        route: row.try_get(1)?,
        key: row.try_get(2)?,
        fingerprint: fingerprint
            .try_into()
            .map_err(|_| corrupt("a fingerprint of another length"))?,
    };
    Ok((key, Stored::parse(row.try_get(4)?)?))
}

/// The row behind the clock; none when the SKU has none.
fn stock_row(row: &PgRow) -> Result<Option<StockRow>, StoreError> {
    let Some(sku) = row.try_get(1)? else {
        return Ok(None);
    };
    Ok(Some(StockRow {
        sku,
        on_hand: row.try_get(2)?,
        reserved: row.try_get(3)?,
        version: row.try_get(4)?,
        low_stock: row.try_get(5)?,
        updated_at: Timestamp::from_datetime(row.try_get(6)?),
    }))
}

fn reservation(row: &PgRow) -> Result<Reservation, StoreError> {
    let state: &str = row.try_get(2)?;
    let lines: &str = row.try_get(3)?;
    let lines: Vec<HeldLine> = serde_json::from_str(lines).map_err(corrupt)?;
    let settled_at: Option<_> = row.try_get(6)?;
    Ok(Reservation {
        id: row.try_get(1)?,
        state: state.parse().map_err(|()| corrupt(state))?,
        lines,
        created_at: Timestamp::from_datetime(row.try_get(4)?),
        expires_at: Timestamp::from_datetime(row.try_get(5)?),
        settled_at: settled_at.map(Timestamp::from_datetime),
    })
}
