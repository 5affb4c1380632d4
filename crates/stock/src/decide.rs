//! What becomes of commands, and what must be written for it. Pure: every strategy and every database decides with this.
//!
//! Commands are decided one after another, in their order, each on what the ones before it left. One that is too large
//! is refused, and a smaller one behind it is served.

mod settle;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use stanchion_kernel::{Timestamp, Uuid};
use stanchion_store::feed::{Change, Kind};
use stanchion_store::idempotency::IdempotencyKey;

use crate::command::{Action, Batch, Command};
use crate::model::{
    Lines, MAX_ON_HAND, Movement, MovementKind, Outcome, Refusal, Reservation, Short, StockRow,
};

/// The feed's topic of stock: a SKU was adjusted, or is sold out, low or neither, and was not before.
pub const TOPIC: &str = "stock";

/// What the database holds, as far as a batch is decided by it.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The database's clock, read after the rows were locked.
    pub now: Timestamp,
    /// The rows of the SKUs.
    pub rows: Vec<StockRow>,
    /// The reservations.
    pub reservations: Vec<Reservation>,
    /// The first outcomes of keys.
    pub known: Vec<Known>,
}

/// The first outcome of a key.
#[derive(Clone, Debug)]
pub struct Known {
    /// The key.
    pub key: IdempotencyKey,
    /// The outcome.
    pub outcome: Outcome,
}

/// What must be written, all of it or nothing.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The moment of the decision, by the database's clock.
    pub now: Timestamp,
    /// Rows, with the version that each must still have; 0 for one that must not be there yet.
    pub rows: Vec<(i64, StockRow)>,
    /// Rows of the ledger.
    pub movements: Vec<Movement>,
    /// New reservations.
    pub made: Vec<Reservation>,
    /// Reservations that are settled and must still be held.
    pub settled: Vec<Reservation>,
    /// Outcomes to be kept; their keys must not be there, or be over.
    pub outcomes: Vec<Known>,
    /// When those are over.
    pub keep_until: Timestamp,
    /// For the change feed.
    pub changes: Vec<Change>,
}

impl Plan {
    /// Whether nothing has to be written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.outcomes.is_empty()
    }
}

/// Decides a batch.
#[must_use]
pub fn decide(view: View, batch: &Batch) -> (Vec<Outcome>, Plan) {
    let mut desk = Desk::new(view);
    let outcomes = batch
        .commands
        .iter()
        .map(|command| desk.answer(command))
        .collect();
    (outcomes, desk.into_plan(batch.keep))
}

/// A row as it was and as it is.
struct Entry {
    before: Option<StockRow>,
    now: Option<StockRow>,
    adjusted: bool,
}

struct Desk {
    now: Timestamp,
    rows: BTreeMap<String, Entry>,
    reservations: HashMap<Uuid, Reservation>,
    known: HashMap<(String, String, String), ([u8; 32], Outcome)>,
    plan: Plan,
}

impl Desk {
    fn new(view: View) -> Self {
        let View {
            now,
            rows,
            reservations,
            known,
        } = view;
        let entry = |row: StockRow| Entry {
            before: Some(row.clone()),
            now: Some(row),
            adjusted: false,
        };
        let known = known.into_iter().map(|Known { key, outcome }| {
            let fingerprint = key.fingerprint;
            (scope(&key), (fingerprint, outcome))
        });
        Self {
            now,
            rows: rows
                .into_iter()
                .map(|row| (row.sku.clone(), entry(row)))
                .collect(),
            reservations: reservations.into_iter().map(|r| (r.id, r)).collect(),
            known: known.collect(),
            plan: Plan::default(),
        }
    }

    /// The first outcome of the command's key, or a decision.
    fn answer(&mut self, command: &Command) -> Outcome {
        let Some(key) = &command.key else {
            return self.decide(&command.action);
        };
        let scope = scope(key);
        match self.known.get(&scope) {
            Some((fingerprint, first)) if *fingerprint == key.fingerprint => first.clone(),
            Some(_) => Outcome::Refused(Refusal::KeyReused),
            None => {
                let outcome = self.decide(&command.action);
                self.known.insert(scope, (key.fingerprint, outcome.clone()));
                self.plan.outcomes.push(Known {
                    key: key.clone(),
                    outcome: outcome.clone(),
                });
                outcome
            }
        }
    }

    fn decide(&mut self, action: &Action) -> Outcome {
        let decided = match action {
            Action::Reserve { id, lines, ttl } => {
                self.reserve(*id, lines, *ttl).map(Outcome::Reserved)
            }
            Action::Settle { id, end, .. } => self.settle(*id, end).map(Outcome::Settled),
            Action::Adjust {
                sku,
                delta,
                reason,
                if_version,
            } => self
                .adjust(sku, *delta, reason.as_deref(), *if_version)
                .map(Outcome::Changed),
            Action::SetLowStock { sku, threshold } => {
                self.set_low_stock(sku, *threshold).map(Outcome::Changed)
            }
        };
        decided.unwrap_or_else(Outcome::Refused)
    }

    fn reserve(&mut self, id: Uuid, lines: &Lines, ttl: Duration) -> Result<Reservation, Refusal> {
        // An earlier attempt's. What it is now, held or settled, the caller hears as it was made.
        if let Some(made) = self.reservations.get(&id) {
            let expires_at = made.expires_at;
            return Ok(Reservation::held(id, lines, made.created_at, expires_at));
        }
        self.demand_rows(lines)?;
        let short = lines.iter().filter_map(|line| {
            let available = self.row(&line.sku).map_or(0, StockRow::available);
            (available < line.quantity).then(|| Short {
                sku: line.sku.clone(),
                requested: line.quantity,
                available,
            })
        });
        let short: Vec<Short> = short.collect();
        if !short.is_empty() {
            return Err(Refusal::Insufficient { lines: short });
        }
        for line in lines.iter() {
            let deltas = (0, line.quantity);
            self.change(&line.sku, MovementKind::Reserved, deltas, Some(id), None);
        }
        let made = Reservation::held(id, lines, self.now, self.after(ttl));
        self.reservations.insert(id, made.clone());
        self.plan.made.push(made.clone());
        Ok(made)
    }

    fn adjust(
        &mut self,
        sku: &str,
        delta: i64,
        reason: Option<&str>,
        if_version: Option<i64>,
    ) -> Result<StockRow, Refusal> {
        let row = self.row(sku).cloned().unwrap_or_else(|| self.none_of(sku));
        if if_version.is_some_and(|version| version != row.version) {
            return Err(Refusal::VersionConflict { current: row });
        }
        let on_hand = row.on_hand.checked_add(delta);
        if on_hand.is_none_or(|on_hand| on_hand < row.reserved || on_hand > MAX_ON_HAND) {
            return Err(Refusal::OutOfBounds { current: row });
        }
        let kind = if delta > 0 {
            MovementKind::Received
        } else {
            MovementKind::Adjusted
        };
        let changed = self.change(sku, kind, (delta, 0), None, reason);
        self.entry(sku).adjusted = true;
        Ok(changed)
    }

    fn set_low_stock(&mut self, sku: &str, threshold: i64) -> Result<StockRow, Refusal> {
        let unknown = || Refusal::UnknownSkus {
            skus: vec![sku.to_owned()],
        };
        let row = self.row(sku).ok_or_else(unknown)?;
        if row.low_stock == threshold {
            return Ok(row.clone());
        }
        let mut changed = self.change(sku, MovementKind::LowStockSet, (0, 0), None, None);
        changed.low_stock = threshold;
        self.entry(sku).now = Some(changed.clone());
        Ok(changed)
    }

    fn demand_rows(&self, lines: &Lines) -> Result<(), Refusal> {
        let unknown = lines.skus().filter(|sku| self.row(sku).is_none());
        let skus: Vec<String> = unknown.map(str::to_owned).collect();
        if skus.is_empty() {
            Ok(())
        } else {
            Err(Refusal::UnknownSkus { skus })
        }
    }

    /// Writes one movement. The caller has checked the bounds.
    fn change(
        &mut self,
        sku: &str,
        kind: MovementKind,
        (on_hand_delta, reserved_delta): (i64, i64),
        reservation: Option<Uuid>,
        reason: Option<&str>,
    ) -> StockRow {
        let mut row = self.row(sku).cloned().unwrap_or_else(|| self.none_of(sku));
        row.on_hand += on_hand_delta;
        row.reserved += reserved_delta;
        row.version += 1;
        row.updated_at = self.now;
        self.plan.movements.push(Movement {
            sku: sku.to_owned(),
            version: row.version,
            kind,
            on_hand_delta,
            reserved_delta,
            reservation,
            reason: reason.map(str::to_owned),
        });
        self.entry(sku).now = Some(row.clone());
        row
    }

    fn row(&self, sku: &str) -> Option<&StockRow> {
        self.rows.get(sku)?.now.as_ref()
    }

    fn entry(&mut self, sku: &str) -> &mut Entry {
        self.rows.entry(sku.to_owned()).or_insert(Entry {
            before: None,
            now: None,
            adjusted: false,
        })
    }

    /// The row of a SKU that has none.
    fn none_of(&self, sku: &str) -> StockRow {
        StockRow {
            sku: sku.to_owned(),
            on_hand: 0,
            reserved: 0,
            version: 0,
            low_stock: 0,
            updated_at: self.now,
        }
    }

    fn after(&self, duration: Duration) -> Timestamp {
        let us = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(self.now.as_micros().saturating_add(us))
    }

    fn into_plan(self, keep: Duration) -> Plan {
        let (now, keep_until) = (self.now, self.after(keep));
        let mut plan = self.plan;
        for entry in self.rows.into_values() {
            let (Some(row), before) = (entry.now, entry.before) else {
                continue;
            };
            let expected = before.as_ref().map_or(0, |before| before.version);
            if expected == row.version {
                continue;
            }
            let level = before.as_ref().map(StockRow::level);
            if entry.adjusted || level != Some(row.level()) {
                plan.changes.push(announcement(&row, before.is_none()));
            }
            plan.rows.push((expected, row));
        }
        Plan {
            now,
            keep_until,
            ..plan
        }
    }
}

fn announcement(row: &StockRow, is_new: bool) -> Change {
    Change {
        topic: TOPIC.into(),
        key: row.sku.clone(),
        version: row.version,
        kind: if is_new { Kind::Created } else { Kind::Updated },
    }
}

fn scope(key: &IdempotencyKey) -> (String, String, String) {
    (key.caller.clone(), key.route.clone(), key.key.clone())
}
