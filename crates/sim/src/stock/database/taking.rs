//! What the single statement writes.

use std::time::Duration;

use stanchion_kernel::{Timestamp, Uuid};
use stanchion_stock::command::Command;
use stanchion_stock::decide::{Known, Plan};
use stanchion_stock::{
    HeldLine, Line, Movement, MovementKind, Outcome, Reservation, State, StockRow,
};

pub(super) fn reservation(id: Uuid, line: &Line, at: Timestamp, ttl: Duration) -> Reservation {
    let line = HeldLine {
        sku: line.sku.clone(),
        quantity: line.quantity,
        committed: None,
    };
    Reservation {
        id,
        state: State::Held,
        lines: vec![line],
        created_at: at,
        expires_at: at.saturating_add(ttl),
        settled_at: None,
    }
}

pub(super) fn plan(
    command: &Command,
    row: StockRow,
    made: &Reservation,
    keep_until: Timestamp,
) -> Plan {
    let quantity = made.lines.iter().map(|line| line.quantity).sum();
    let at = made.created_at;
    let after = StockRow {
        reserved: row.reserved + quantity,
        version: row.version + 1,
        updated_at: at,
        ..row.clone()
    };
    let movement = Movement {
        sku: row.sku,
        version: after.version,
        kind: MovementKind::Reserved,
        on_hand_delta: 0,
        reserved_delta: quantity,
        reservation: Some(made.id),
        reason: None,
    };
    let known = command.key.clone().map(|key| Known {
        key,
        outcome: Outcome::Reserved(made.clone()),
    });
    Plan {
        now: at,
        rows: vec![(row.version, after)],
        movements: vec![movement],
        made: vec![made.clone()],
        outcomes: known.into_iter().collect(),
        keep_until,
        ..Plan::default()
    }
}
