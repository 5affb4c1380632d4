use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _};
use stanchion_kernel::Timestamp;
use stanchion_store::StoreError;
use stanchion_store::feed::append_sqlite;

use crate::command::{Action, Command};
use crate::decide::{Known, Plan};
use crate::model::{Movement, MovementKind, Outcome, Reservation, StockRow};
use crate::port::stored::Stored;
use crate::port::{answered_meanwhile, corrupt, outpaced};

pub(super) const UPDATE: &str = include_str!("update.sql");
const ADD: &str = include_str!("add.sql");
const MAKE: &str = include_str!("make.sql");
pub(super) const SETTLE: &str = include_str!("settle.sql");
const MOVE: &str = include_str!("move.sql");
const KEEP: &str = include_str!("keep.sql");
pub(super) const TAKE: &str = include_str!("take.sql");

/// Writes everything that a plan holds, or fails; the caller undoes it then.
pub(super) fn write(connection: &Connection, plan: &Plan) -> Result<(), StoreError> {
    for (expected, row) in &plan.rows {
        if !write_row(connection, *expected, row)? {
            return Err(outpaced());
        }
    }
    for made in &plan.made {
        make(connection, made)?;
    }
    for settled in &plan.settled {
        settle(connection, settled)?;
    }
    for movement in &plan.movements {
        record(connection, movement, plan.now)?;
    }
    for known in &plan.outcomes {
        keep(connection, known, plan.keep_until, plan.now)?;
    }
    append_sqlite(connection, plan.now, &plan.changes)
}

/// Reserves a single line, if the row stays above its threshold.
pub(super) fn take(
    connection: &Connection,
    now: Timestamp,
    command: &Command,
    keep_for: Duration,
) -> Result<Option<Reservation>, StoreError> {
    let Action::Reserve { id, lines, ttl } = &command.action else {
        return Ok(None);
    };
    let Some(line) = lines.single() else {
        return Ok(None);
    };
    let mut statement = connection.prepare_cached(TAKE)?;
    let taken = (&line.sku, line.quantity, now.as_micros());
    let version = statement.query_row(taken, |row| row.get(0)).optional()?;
    let Some(version) = version else {
        return Ok(None);
    };
    let made = Reservation::held(*id, lines, now, now.saturating_add(*ttl));
    make(connection, &made)?;
    let movement = Movement {
        sku: line.sku.clone(),
        version,
        kind: MovementKind::Reserved,
        on_hand_delta: 0,
        reserved_delta: line.quantity,
        reservation: Some(*id),
        reason: None,
    };
    record(connection, &movement, now)?;
    if let Some(key) = &command.key {
        let known = Known {
            key: key.clone(),
            outcome: Outcome::Reserved(made.clone()),
        };
        keep(connection, &known, now.saturating_add(keep_for), now)?;
    }
    Ok(Some(made))
}

/// Whether the row was as expected.
fn write_row(connection: &Connection, expected: i64, row: &StockRow) -> Result<bool, StoreError> {
    let at = row.updated_at.as_micros();
    let written = if expected == 0 {
        connection.prepare_cached(ADD)?.execute((
            &row.sku,
            row.on_hand,
            row.reserved,
            row.version,
            row.low_stock,
            at,
        ))?
    } else {
        connection.prepare_cached(UPDATE)?.execute((
            &row.sku,
            expected,
            row.on_hand,
            row.reserved,
            row.version,
            row.low_stock,
            at,
        ))?
    };
    Ok(written == 1)
}

fn make(connection: &Connection, made: &Reservation) -> Result<(), StoreError> {
    connection.prepare_cached(MAKE)?.execute((
        made.id.as_bytes(),
        made.state.as_str(),
        serde_json::to_string(&made.lines).map_err(corrupt)?,
        made.created_at.as_micros(),
        made.expires_at.as_micros(),
        made.settled_at.map(Timestamp::as_micros),
    ))?;
    Ok(())
}

fn settle(connection: &Connection, settled: &Reservation) -> Result<(), StoreError> {
    let written = connection.prepare_cached(SETTLE)?.execute((
        settled.id.as_bytes(),
        settled.state.as_str(),
        serde_json::to_string(&settled.lines).map_err(corrupt)?,
        settled.settled_at.map(Timestamp::as_micros),
    ))?;
    if written == 1 {
        Ok(())
    } else {
        Err(outpaced())
    }
}

fn record(connection: &Connection, movement: &Movement, now: Timestamp) -> Result<(), StoreError> {
    connection.prepare_cached(MOVE)?.execute((
        &movement.sku,
        movement.version,
        movement.kind.as_str(),
        movement.on_hand_delta,
        movement.reserved_delta,
        movement.reservation.map(|id| *id.as_bytes()),
        &movement.reason,
        now.as_micros(),
    ))?;
    Ok(())
}

fn keep(
    connection: &Connection,
    known: &Known,
    until: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    let kept = connection.prepare_cached(KEEP)?.execute((
        &known.key.caller,
        &known.key.route,
        &known.key.key,
        known.key.fingerprint,
        Stored::text(&known.outcome)?,
        until.as_micros(),
        now.as_micros(),
    ))?;
    if kept == 1 {
        Ok(())
    } else {
        Err(answered_meanwhile())
    }
}
