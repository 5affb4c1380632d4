use rusqlite::{Connection, OptionalExtension as _, Row};
use stanchion_kernel::{Timestamp, Uuid};
use stanchion_store::StoreError;
use stanchion_store::idempotency::IdempotencyKey;

use crate::command::Batch;
use crate::decide::{Known, View};
use crate::model::{HeldLine, Reservation, StockRow};
use crate::port::corrupt;
use crate::port::stored::Stored;

pub(super) const ROW: &str = include_str!("row.sql");
pub(super) const RESERVATION: &str = include_str!("reservation.sql");
pub(super) const REQUEST: &str = include_str!("request.sql");
pub(super) const DUE: &str = include_str!("due.sql");

/// What a batch is decided by.
pub(super) fn view(
    connection: &Connection,
    now: Timestamp,
    batch: &Batch,
) -> Result<View, StoreError> {
    let known = batch.keys().map(|key| known(connection, now, key));
    let reservations = batch.reservations().into_iter();
    let reservations = reservations.map(|id| reservation(connection, id));
    Ok(View {
        now,
        rows: rows(connection, &batch.skus())?,
        reservations: reservations
            .filter_map(Result::transpose)
            .collect::<Result<_, _>>()?,
        known: known
            .filter_map(Result::transpose)
            .collect::<Result<_, _>>()?,
    })
}

pub(super) fn rows(connection: &Connection, skus: &[String]) -> Result<Vec<StockRow>, StoreError> {
    let found = skus.iter().map(|sku| row(connection, sku));
    found.filter_map(Result::transpose).collect()
}

pub(super) fn row(connection: &Connection, sku: &str) -> Result<Option<StockRow>, StoreError> {
    let mut statement = connection.prepare_cached(ROW)?;
    let row = statement.query_row([sku], |row| {
        Ok(StockRow {
            sku: row.get(0)?,
            on_hand: row.get(1)?,
            reserved: row.get(2)?,
            version: row.get(3)?,
            low_stock: row.get(4)?,
            updated_at: Timestamp::from_micros(row.get(5)?),
        })
    });
    Ok(row.optional()?)
}

pub(super) fn reservation(
    connection: &Connection,
    id: Uuid,
) -> Result<Option<Reservation>, StoreError> {
    let mut statement = connection.prepare_cached(RESERVATION)?;
    let mut rows = statement.query([id.as_bytes()])?;
    rows.next()?.map(read_reservation).transpose()
}

pub(super) fn due(
    connection: &Connection,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<Reservation>, StoreError> {
    let mut statement = connection.prepare_cached(DUE)?;
    let mut rows = statement.query((now.as_micros(), limit))?;
    let mut due = Vec::new();
    while let Some(row) = rows.next()? {
        due.push(read_reservation(row)?);
    }
    Ok(due)
}

/// The first outcome of a key.
fn known(
    connection: &Connection,
    now: Timestamp,
    key: &IdempotencyKey,
) -> Result<Option<Known>, StoreError> {
    let mut statement = connection.prepare_cached(REQUEST)?;
    let scope = (&key.caller, &key.route, &key.key, now.as_micros());
    let found = statement.query_row(scope, |row| Ok((row.get(0)?, row.get(1)?)));
    let Some((fingerprint, outcome)): Option<([u8; 32], String)> = found.optional()? else {
        return Ok(None);
    };
    let stored = Stored::parse(&outcome)?;
    let made = match stored.made() {
        Some(id) => reservation(connection, id)?,
        None => None,
    };
    let mut key = key.clone();
    key.fingerprint = fingerprint;
    let outcome = stored.outcome(made.as_slice())?;
    Ok(Some(Known { key, outcome }))
}

fn read_reservation(row: &Row<'_>) -> Result<Reservation, StoreError> {
    let state = row.get_ref(1)?.as_str().map_err(corrupt)?;
    let lines = row.get_ref(2)?.as_str().map_err(corrupt)?;
    let lines: Vec<HeldLine> = serde_json::from_str(lines).map_err(corrupt)?;
    let settled_at: Option<i64> = row.get(5)?;
    Ok(Reservation {
        id: Uuid::from_bytes(row.get(0)?),
        state: state.parse().map_err(|()| corrupt(state))?,
        lines,
        created_at: Timestamp::from_micros(row.get(3)?),
        expires_at: Timestamp::from_micros(row.get(4)?),
        settled_at: settled_at.map(Timestamp::from_micros),
    })
}
