//! What is left in the database, by the model and by itself.

use std::collections::BTreeMap;

use stanchion_stock::{Movement, MovementKind, Reservation, State};

use super::demand_equal;
use super::model::Model;
use crate::stock::history::Left;

pub(super) fn check(model: &Model, left: &Left) -> Result<(), String> {
    let rows: Vec<_> = model.rows.values().cloned().collect();
    demand_equal("the rows at the end", &left.rows, &rows)?;
    let reservations: Vec<_> = model.reservations.values().cloned().collect();
    demand_equal(
        "the reservations at the end",
        &left.reservations,
        &reservations,
    )?;
    demand_equal(
        "the movements",
        &in_order(&left.movements),
        &in_order(&model.movements),
    )?;
    sums(left)?;
    left.reservations
        .iter()
        .try_for_each(|reservation| ends(reservation, &left.movements))
}

fn in_order(movements: &[Movement]) -> Vec<&Movement> {
    let mut movements: Vec<&Movement> = movements.iter().collect();
    movements.sort_by_key(|one| (one.sku.as_str(), one.version));
    movements
}

/// Net received is what is on hand and what was sold; nothing is held any more; versions are gapless.
fn sums(left: &Left) -> Result<(), String> {
    let mut sold: BTreeMap<&str, i64> = BTreeMap::new();
    for line in left.reservations.iter().flat_map(|one| &one.lines) {
        *sold.entry(line.sku.as_str()).or_default() += line.committed.unwrap_or(0);
    }
    for row in &left.rows {
        let of_row = left.movements.iter().filter(|one| one.sku == row.sku);
        let came =
            |one: &&Movement| matches!(one.kind, MovementKind::Received | MovementKind::Adjusted);
        let received: i64 = of_row
            .clone()
            .filter(came)
            .map(|one| one.on_hand_delta)
            .sum();
        let sold = sold.get(row.sku.as_str()).copied().unwrap_or(0);
        demand_equal("net received", &received, &(row.on_hand + sold))?;
        demand_equal("reserved when all holds are over", &row.reserved, &0)?;
        let mut versions: Vec<i64> = of_row.map(|one| one.version).collect();
        versions.sort_unstable();
        demand_equal("the versions", &versions, &(1..=row.version).collect())?;
    }
    Ok(())
}

/// A reservation has one movement per line when it was made, and one when it ended, all of the same kind.
fn ends(reservation: &Reservation, movements: &[Movement]) -> Result<(), String> {
    let kind = match reservation.state {
        State::Held => return Err(format!("it is still held: {reservation:?}")),
        State::Committed => MovementKind::Committed,
        State::Released => MovementKind::Released,
        State::Expired => MovementKind::Expired,
    };
    let kinds = movements
        .iter()
        .filter(|one| one.reservation == Some(reservation.id));
    let mut kinds: Vec<&str> = kinds.map(|one| one.kind.as_str()).collect();
    kinds.sort_unstable();
    let lines = reservation.lines.len();
    let made = std::iter::repeat_n(MovementKind::Reserved.as_str(), lines);
    let mut expected: Vec<&str> = std::iter::repeat_n(kind.as_str(), lines)
        .chain(made)
        .collect();
    expected.sort_unstable();
    demand_equal(
        &format!("the kinds of movements of {reservation:?}"),
        &kinds,
        &expected,
    )
}
