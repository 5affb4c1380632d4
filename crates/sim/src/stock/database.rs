//! A database in memory: rows that are locked by their SKUs, unique keys, transactions that are committed in one moment.
//!
//! It behaves like PostgreSQL under READ COMMITTED: a statement that waited for a lock sees the row as it is then, but no
//! row that was added meanwhile; an insert waits for another transaction's insert of the same key.

mod locks;
mod seen;
mod tables;
mod taking;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stanchion_kernel::Uuid;
use stanchion_stock::command::{Action, Batch, Command};
use stanchion_stock::decide::{Plan, View};
use stanchion_stock::{Outcome, Reservation, StockRow};
use stanchion_store::StoreError;

use crate::dice::Dice;
use crate::stock::Wrong;
use crate::stock::history::{Decision, Event, Left, Recorder};
use crate::time::Time;
pub(crate) use locks::Held;
pub(crate) use seen::Seen;
use tables::{Tables, scope};

#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) time: Time,
    pub(crate) dice: Dice,
    pub(crate) recorder: Recorder,
    pub(crate) wrong: Option<Wrong>,
    locks: locks::Locks,
    tables: Mutex<Tables>,
}

/// What a transaction will have done once it is committed.
#[derive(Debug)]
pub(crate) struct Writing {
    pub(crate) plan: Plan,
    pub(crate) held: Held,
    pub(crate) decisions: Vec<Decision>,
}

impl Database {
    pub(crate) fn new(time: Time, dice: Dice, recorder: Recorder, wrong: Option<Wrong>) -> Self {
        Self {
            time,
            dice,
            recorder,
            wrong,
            locks: locks::Locks::default(),
            tables: Mutex::default(),
        }
    }

    fn is(&self, wrong: Wrong) -> bool {
        self.wrong == Some(wrong)
    }

    /// Reads without a lock, statement by statement.
    pub(crate) async fn view(&self, batch: &Batch) -> Seen {
        let mut seen = self.see(batch);
        self.time.pass(self.dice.millis(0, 2)).await;
        seen.known = self.recorder.position();
        let now = self.time.now();
        seen.view.known = self.tables().known(batch, now);
        self.time.pass(self.dice.millis(0, 2)).await;
        if !batch.reservations().is_empty() {
            seen.reservations = self.recorder.position();
            seen.at = self.time.now();
            seen.view.now = seen.at;
            seen.view.reservations = self.tables().reservations_of(batch);
        }
        seen
    }

    /// Locks the rows and reads what a batch is decided by.
    pub(crate) async fn lock(&self, held: &mut Held, batch: &Batch) -> Result<Seen, StoreError> {
        let before = self.see(batch);
        let skus: Vec<String> = before.view.rows.iter().map(|row| row.sku.clone()).collect();
        if !self.is(Wrong::LosesUpdates) {
            self.lock_rows(held, &skus).await?;
        }
        let mut seen = self.see(batch);
        seen.view.rows.retain(|row| skus.contains(&row.sku));
        seen.absent = before.absent;
        if self.is(Wrong::DecidesOnAnOldSnapshot) {
            seen.view.rows = before.view.rows;
        } else if self.is(Wrong::EndsTwice) {
            seen.view.reservations = before.view.reservations;
        }
        Ok(seen)
    }

    fn see(&self, batch: &Batch) -> Seen {
        let at = self.time.now();
        let position = self.recorder.position();
        let tables = self.tables();
        let view = View {
            now: at,
            rows: tables.rows_of(&batch.skus()),
            reservations: tables.reservations_of(batch),
            known: tables.known(batch, at),
        };
        Seen {
            view,
            at,
            absent: position,
            rows: position,
            known: position,
            reservations: position,
        }
    }

    pub(crate) async fn lock_rows(
        &self,
        held: &mut Held,
        skus: &[String],
    ) -> Result<(), StoreError> {
        for sku in skus {
            self.locks.lock(held, format!("row {sku}")).await?;
        }
        self.time.catch_up();
        Ok(())
    }

    /// Takes the locks of what is inserted, and checks the constraints.
    pub(crate) async fn prepare(&self, held: &mut Held, plan: &Plan) -> Result<(), StoreError> {
        let new = plan.rows.iter().filter(|(expected, _)| *expected == 0);
        let new: Vec<String> = new.map(|(_, row)| row.sku.clone()).collect();
        self.lock_rows(held, &new).await?;
        let keys = plan.outcomes.iter().map(|known| scope(&known.key));
        let mut keys: Vec<String> = keys.collect();
        keys.sort_unstable();
        for key in keys {
            self.locks.lock(held, format!("key {key}")).await?;
        }
        self.time.catch_up();
        let outside = self.is(Wrong::KeepsKeysOutside);
        let without_keys = outside.then(|| Plan {
            outcomes: Vec::new(),
            ..plan.clone()
        });
        let plan = without_keys.as_ref().unwrap_or(plan);
        self.tables().check(plan, self.wrong)
    }

    /// The moment of a commit.
    pub(crate) fn commit(self: &Arc<Self>, writing: Writing) {
        let Writing {
            mut plan,
            held,
            decisions,
        } = writing;
        if self.is(Wrong::KeepsKeysOutside) {
            self.keep_later(&mut plan);
        }
        let rows = self.tables().write(plan, self.wrong);
        let now = self.time.now();
        for mut decision in decisions {
            decision.ended = now;
            if decision.is_commit {
                decision.position = self.recorder.position();
                decision.rows.clone_from(&rows);
            }
            self.recorder.record(Event::Decided(decision));
        }
        drop(held);
    }

    fn keep_later(self: &Arc<Self>, plan: &mut Plan) {
        let (outcomes, until) = (std::mem::take(&mut plan.outcomes), plan.keep_until);
        let database = Arc::clone(self);
        tokio::spawn(async move {
            database.time.pass(database.dice.millis(5, 40)).await;
            database.tables().keep(outcomes, until, None);
        });
    }

    /// The single statement: waits for the row, asks again whether it is well stocked, writes.
    pub(crate) async fn take(
        self: Arc<Self>,
        server: usize,
        command: Command,
        keep: Duration,
    ) -> Result<Option<Reservation>, StoreError> {
        let Action::Reserve { id, lines, ttl } = &command.action else {
            return Ok(None);
        };
        let Some(line) = lines.single() else {
            return Ok(None);
        };
        if self.row(&line.sku).is_none() {
            return Ok(None);
        }
        let mut held = Held::default();
        if !self.is(Wrong::LosesUpdates) {
            self.lock_rows(&mut held, std::slice::from_ref(&line.sku))
                .await?;
        }
        let at = self.time.now();
        let row = self.row(&line.sku);
        let Some(row) = row.filter(|row| row.available() - line.quantity > row.low_stock) else {
            return Ok(None);
        };
        let made = taking::reservation(*id, line, at, *ttl);
        let plan = taking::plan(&command, row, &made, at.saturating_add(keep));
        self.prepare(&mut held, &plan).await?;
        // A key that is over is in the way of this statement all the same.
        let key = command.key.as_ref();
        if key.is_some_and(|key| self.tables().has_key(key)) {
            return Err(StoreError::Duplicate("the key is there".to_owned()));
        }
        let decision = Decision {
            server,
            position: 0,
            is_commit: true,
            at,
            ended: at,
            keep,
            decided: vec![(command.clone(), Outcome::Reserved(made.clone()))],
            rows: Vec::new(),
        };
        self.time.pass(self.dice.millis(0, 4)).await;
        self.commit(Writing {
            plan,
            held,
            decisions: vec![decision],
        });
        Ok(Some(made))
    }

    pub(crate) fn row(&self, sku: &str) -> Option<StockRow> {
        self.tables().rows.get(sku).cloned()
    }

    pub(crate) fn rows_of(&self, skus: &[String]) -> Vec<StockRow> {
        self.tables().rows_of(skus)
    }

    pub(crate) fn reservation(&self, id: Uuid) -> Option<Reservation> {
        self.tables().reservations.get(&id).cloned()
    }

    pub(crate) fn due(&self, limit: u32) -> Vec<Reservation> {
        let now = self.time.now();
        self.tables().due(now, limit)
    }

    pub(crate) fn prune(&self) -> u64 {
        let now = self.time.now();
        self.tables().prune(now)
    }

    pub(crate) fn left(&self) -> Left {
        let tables = self.tables();
        Left {
            rows: tables.rows.values().cloned().collect(),
            reservations: tables.reservations.values().cloned().collect(),
            movements: tables.movements.clone(),
        }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
