use std::collections::BTreeMap;

use stanchion_kernel::{Timestamp, Uuid};
use stanchion_stock::command::Batch;
use stanchion_stock::decide::{Known, Plan};
use stanchion_stock::{Movement, Outcome, Reservation, State, StockRow};
use stanchion_store::StoreError;
use stanchion_store::idempotency::IdempotencyKey;

use crate::stock::Wrong;

/// What is committed.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) rows: BTreeMap<String, StockRow>,
    pub(super) reservations: BTreeMap<Uuid, Reservation>,
    pub(super) requests: BTreeMap<String, Request>,
    pub(super) movements: Vec<Movement>,
}

#[derive(Debug)]
pub(super) struct Request {
    known: Known,
    until: Timestamp,
}

/// The name of a key's row.
pub(super) fn scope(key: &IdempotencyKey) -> String {
    format!("{}\n{}\n{}", key.caller, key.route, key.key)
}

impl Tables {
    pub(super) fn rows_of(&self, skus: &[String]) -> Vec<StockRow> {
        let rows = skus.iter().filter_map(|sku| self.rows.get(sku));
        rows.cloned().collect()
    }

    pub(super) fn known(&self, batch: &Batch, now: Timestamp) -> Vec<Known> {
        let found = batch
            .keys()
            .filter_map(|key| self.requests.get(&scope(key)));
        let live = found.filter(|request| request.until > now);
        live.map(|request| request.known.clone()).collect()
    }

    pub(super) fn reservations_of(&self, batch: &Batch) -> Vec<Reservation> {
        let ids = batch.reservations();
        let found = ids.iter().filter_map(|id| self.reservations.get(id));
        found.cloned().collect()
    }

    pub(super) fn due(&self, now: Timestamp, limit: u32) -> Vec<Reservation> {
        let held = self.reservations.values();
        let held = held.filter(|one| one.state == State::Held && one.expires_at <= now);
        let mut due: Vec<Reservation> = held.cloned().collect();
        due.sort_by_key(|one| one.expires_at);
        due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        due
    }

    pub(super) fn prune(&mut self, now: Timestamp) -> u64 {
        let before = self.requests.len();
        self.requests.retain(|_, request| request.until > now);
        (before - self.requests.len()) as u64
    }

    /// The constraints of the tables, and what a plan expects.
    pub(super) fn check(&self, plan: &Plan, wrong: Option<Wrong>) -> Result<(), StoreError> {
        let version = |sku: &str| self.rows.get(sku).map_or(0, |row| row.version);
        let met = plan
            .rows
            .iter()
            .all(|(expected, row)| *expected == version(&row.sku));
        if !met && !writes_over(wrong) {
            return Err(StoreError::Conflict("somebody was faster".to_owned()));
        }
        let is_wrong = |row: &StockRow| row.reserved < 0 || row.reserved > row.on_hand;
        if plan.rows.iter().any(|(_, row)| is_wrong(row)) {
            return Err(StoreError::Database("a check was violated".to_owned()));
        }
        let is_held = |id: &Uuid| {
            let now = self.reservations.get(id);
            now.is_some_and(|now| now.state == State::Held)
        };
        let ended = plan.settled.iter().any(|one| !is_held(&one.id));
        if ended && wrong != Some(Wrong::EndsTwice) && !writes_over(wrong) {
            return Err(StoreError::Conflict("it is not held any more".to_owned()));
        }
        if wrong == Some(Wrong::TakesUnknownForFailed) {
            return Ok(());
        }
        let made = plan
            .made
            .iter()
            .any(|one| self.reservations.contains_key(&one.id));
        let live = |known: &Known| {
            let request = self.requests.get(&scope(&known.key));
            request.is_some_and(|request| request.until > plan.now)
        };
        if made || plan.outcomes.iter().any(live) {
            return Err(StoreError::Duplicate("a key or an id is there".to_owned()));
        }
        Ok(())
    }

    pub(super) fn has_key(&self, key: &IdempotencyKey) -> bool {
        self.requests.contains_key(&scope(key))
    }

    /// Writes a plan; answers the rows as they are after it.
    pub(super) fn write(&mut self, mut plan: Plan, wrong: Option<Wrong>) -> Vec<StockRow> {
        if writes_over(wrong) {
            self.move_over(&mut plan);
        }
        let mut rows: Vec<StockRow> = plan.rows.into_iter().map(|(_, row)| row).collect();
        if wrong == Some(Wrong::KeepsVersions) {
            self.keep_versions(&mut rows);
        }
        for row in &rows {
            self.rows.insert(row.sku.clone(), row.clone());
        }
        for reservation in plan.made.into_iter().chain(plan.settled) {
            self.reservations.insert(reservation.id, reservation);
        }
        self.movements.extend(plan.movements);
        self.keep(plan.outcomes, plan.keep_until, wrong);
        rows
    }

    pub(super) fn keep(&mut self, outcomes: Vec<Known>, until: Timestamp, wrong: Option<Wrong>) {
        for known in outcomes {
            let forgets = wrong == Some(Wrong::ForgetsRefusals);
            if !(forgets && matches!(known.outcome, Outcome::Refused(_))) {
                self.requests
                    .insert(scope(&known.key), Request { known, until });
            }
        }
    }

    /// Gives a plan the versions that follow those of now; its quantities stay what they were decided to be.
    fn move_over(&self, plan: &mut Plan) {
        for (expected, row) in &mut plan.rows {
            let now = self.rows.get(&row.sku).map_or(0, |now| now.version);
            let later = now - *expected;
            row.version += later;
            let of_row = plan.movements.iter_mut().filter(|one| one.sku == row.sku);
            of_row.for_each(|one| one.version += later);
        }
    }

    fn keep_versions(&self, rows: &mut [StockRow]) {
        for row in rows {
            if let Some(now) = self.rows.get(&row.sku)
                && now.on_hand == row.on_hand
            {
                row.version = now.version;
            }
        }
    }
}

fn writes_over(wrong: Option<Wrong>) -> bool {
    matches!(
        wrong,
        Some(Wrong::LosesUpdates | Wrong::DecidesOnAnOldSnapshot)
    )
}
