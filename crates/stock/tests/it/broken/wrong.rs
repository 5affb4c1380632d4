use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use stanchion_kernel::{Clock, Entropy, Ids, Timestamp, Uuid};
use stanchion_stock::command::{Action, Batch, Command};
use stanchion_stock::decide::{Plan, View, decide};
use stanchion_stock::port::{Port, Seat};
use stanchion_stock::{Finding, Lines, MovementKind, Outcome, Reservation, State, StockRow, TOPIC};
use stanchion_store::feed::{Change, Kind};
use stanchion_store::{Store, StoreError, Tx, TxKind};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    CheckThenWrite,
    SnapshotOlderThanLock,
    VersionStays,
    QuantityAsVersion,
    LocksInAnyOrder,
    KeyOutsideTheTransaction,
    EndsTwice,
    UnknownTakenForFailed,
    NeverLooks,
    OwnTransaction,
    RefusalForgotten,
    FirstLineOnly,
    RestStaysHeld,
    LevelsUnannounced,
    EverythingAnnounced,
    ClockOfTheServer,
}

/// What the wrong ports remember in the program, where two servers would each remember their own.
#[derive(Debug, Default)]
pub(super) struct Memory {
    outcomes: Mutex<HashMap<String, Outcome>>,
    quantities: Mutex<HashMap<i64, i64>>,
    calls: AtomicUsize,
}

#[derive(Debug)]
pub(super) struct Broken {
    pub(super) inner: Arc<dyn Port>,
    pub(super) store: Store,
    pub(super) wrong: Wrong,
    pub(super) is_second: bool,
    pub(super) memory: Arc<Memory>,
}

type Outcomes = Result<Vec<Outcome>, StoreError>;

impl Broken {
    /// Decides on a view without locks, and writes what `change` makes of the plan.
    async fn unlocked(
        &self,
        batch: &Batch,
        distort: impl FnOnce(&mut View) + Send,
        change: impl FnOnce(&mut Plan) + Send,
    ) -> Outcomes {
        let mut view = self.inner.view(batch).await?;
        distort(&mut view);
        let (outcomes, mut plan) = decide(view, batch);
        change(&mut plan);
        if !plan.is_empty() {
            self.inner.apply(plan).await?;
        }
        Ok(outcomes)
    }

    /// Writes what was decided on an old view over what the rows are by now: their values, or the difference.
    async fn overwrite(&self, batch: &Batch, by_difference: bool) -> Outcomes {
        let old = self.inner.view(batch).await?;
        let (outcomes, plan) = decide(old.clone(), batch);
        loop {
            let current = self.inner.view(batch).await?.rows;
            let mut moved = plan.clone();
            for (expected, row) in &mut moved.rows {
                let now = current.iter().find(|now| now.sku == row.sku).unwrap();
                let then = old.rows.iter().find(|then| then.sku == row.sku).unwrap();
                let later = now.version - *expected;
                *expected += later;
                row.version += later;
                if by_difference {
                    row.on_hand += now.on_hand - then.on_hand;
                    // Without this the database's own check would catch it.
                    row.reserved = row.on_hand.min(row.reserved + now.reserved - then.reserved);
                }
                let of_row = moved.movements.iter_mut().filter(|one| one.sku == row.sku);
                of_row.for_each(|one| one.version += later);
            }
            match self.inner.apply(moved).await {
                Err(StoreError::Conflict(_)) => {}
                done => return done.map(|()| outcomes),
            }
        }
    }

    async fn quantity_as_version(&self, batch: Batch) -> Outcomes {
        let mut commands = batch.commands.to_vec();
        for command in &mut commands {
            if let Action::Adjust {
                sku, if_version, ..
            } = &mut command.action
                && let Some(row) = self.inner.row(sku).await?
            {
                let seen = self.memory.quantities.lock().unwrap();
                let is_same = |version: &i64| seen.get(version) == Some(&row.on_hand);
                *if_version = if_version.filter(|version| !is_same(version));
            }
        }
        let outcomes = self.inner.decide(None, with(&batch, commands)).await?;
        let mut seen = self.memory.quantities.lock().unwrap();
        for outcome in &outcomes {
            if let Outcome::Changed(row) = outcome {
                seen.insert(row.version, row.on_hand);
            }
        }
        drop(seen);
        Ok(outcomes)
    }

    async fn locks_in_any_order(&self, batch: Batch) -> Outcomes {
        let mut skus = batch.skus();
        if self.memory.calls.fetch_add(1, Ordering::SeqCst) % 2 == 1 {
            skus.reverse();
        }
        let mut tx = self.store.begin().await?;
        for sku in skus {
            let TxKind::Postgres(connection) = tx.kind() else {
                panic!("PostgreSQL")
            };
            sqlx::query("SELECT 1 FROM stanchion_stock.stock WHERE sku = $1 FOR UPDATE")
                .bind(sku)
                .execute(&mut **connection)
                .await?;
        }
        let outcomes = self.inner.decide(Some(&mut tx), batch).await?;
        tx.commit().await?;
        Ok(outcomes)
    }

    async fn key_outside(&self, batch: Batch) -> Outcomes {
        let mut command = batch.commands[0].clone();
        let key = command.key.take().map(|key| key.key).unwrap_or_default();
        if let Some(first) = self.memory.outcomes.lock().unwrap().get(&key) {
            return Ok(vec![first.clone()]);
        }
        let outcomes = self.inner.decide(None, with(&batch, vec![command])).await?;
        let first = outcomes[0].clone();
        self.memory.outcomes.lock().unwrap().insert(key, first);
        Ok(outcomes)
    }

    /// No compare-and-set on the state: whoever comes later ends the hold once more.
    async fn ends_twice(&self, batch: &Batch) -> Outcomes {
        let mut view = self.inner.view(batch).await?;
        let mut ended = Vec::new();
        for one in &mut view.reservations {
            if one.state != State::Held {
                ended.push(one.id);
                one.state = State::Held;
                one.settled_at = None;
            }
        }
        let (outcomes, mut plan) = decide(view, batch);
        plan.settled.retain(|one| !ended.contains(&one.id));
        if !plan.is_empty() {
            self.inner.apply(plan).await?;
        }
        Ok(outcomes)
    }

    async fn afresh(&self, mut batch: Batch) -> Outcomes {
        let mut commands = batch.commands.to_vec();
        if std::mem::take(&mut batch.again) {
            let ids = Ids::new(Clock::system(), Entropy::system());
            for command in &mut commands {
                if let Action::Reserve { id, .. } = &mut command.action {
                    *id = ids.next();
                }
                if let Some(key) = &mut command.key {
                    key.key = ids.next().to_string();
                }
            }
        }
        self.inner.decide(None, with(&batch, commands)).await
    }

    fn seen(&self, batch: &Batch) -> Batch {
        Batch {
            again: batch.again && self.wrong != Wrong::NeverLooks,
            ..batch.clone()
        }
    }

    async fn refusal_forgotten(&self, batch: Batch) -> Outcomes {
        let (outcomes, _) = decide(self.inner.view(&batch).await?, &batch);
        if matches!(outcomes[0], Outcome::Refused(_)) {
            return Ok(outcomes);
        }
        self.inner.decide(None, batch).await
    }

    async fn first_line_only(&self, batch: Batch) -> Outcomes {
        let mut commands = batch.commands.to_vec();
        for command in &mut commands {
            if let Action::Reserve { lines, .. } = &mut command.action {
                let first = lines.iter().next().unwrap().clone();
                *lines = Lines::new(vec![first]).unwrap();
            }
        }
        self.inner.decide(None, with(&batch, commands)).await
    }
}

fn with(batch: &Batch, commands: Vec<Command>) -> Batch {
    Batch {
        commands: commands.into(),
        ..batch.clone()
    }
}

fn rest_stays_held(plan: &mut Plan) {
    let sold = |one: &&mut stanchion_stock::Movement| one.kind == MovementKind::Committed;
    for movement in plan.movements.iter_mut().filter(sold) {
        let rest = movement.on_hand_delta - movement.reserved_delta;
        movement.reserved_delta += rest;
        let mut rows = plan.rows.iter_mut();
        let (_, row) = rows.find(|(_, row)| row.sku == movement.sku).unwrap();
        row.reserved += rest;
    }
}

fn everything_announced(plan: &mut Plan) {
    let change = |(_, row): &(i64, StockRow)| Change {
        topic: TOPIC.into(),
        key: row.sku.clone(),
        version: row.version,
        kind: Kind::Updated,
    };
    plan.changes = plan.rows.iter().map(change).collect();
}

fn an_hour_behind(now: Timestamp) -> Timestamp {
    Timestamp::from_micros(now.as_micros() - 3_600_000_000)
}

#[async_trait]
impl Port for Broken {
    async fn view(&self, batch: &Batch) -> Result<View, StoreError> {
        self.inner.view(&self.seen(batch)).await
    }

    async fn apply(&self, plan: Plan) -> Result<(), StoreError> {
        self.inner.apply(plan).await
    }

    async fn decide(&self, tx: Option<&mut Tx>, batch: Batch) -> Outcomes {
        let is_first = batch
            .commands
            .iter()
            .any(|command| matches!(&command.action, Action::Adjust { delta, .. } if *delta > 0));
        match self.wrong {
            // The row must be there before it can be overwritten.
            Wrong::CheckThenWrite if !is_first || self.inner.row("A").await?.is_some() => {
                self.overwrite(&batch, false).await
            }
            Wrong::SnapshotOlderThanLock if !is_first => self.overwrite(&batch, true).await,
            Wrong::VersionStays => {
                let mut outcomes = self.inner.decide(tx, batch).await?;
                for outcome in &mut outcomes {
                    if let Outcome::Changed(row) = outcome {
                        row.version = 1;
                    }
                }
                Ok(outcomes)
            }
            Wrong::QuantityAsVersion => self.quantity_as_version(batch).await,
            Wrong::LocksInAnyOrder => self.locks_in_any_order(batch).await,
            Wrong::KeyOutsideTheTransaction if batch.commands[0].key.is_some() => {
                self.key_outside(batch).await
            }
            Wrong::EndsTwice => self.ends_twice(&batch).await,
            Wrong::UnknownTakenForFailed => self.afresh(batch).await,
            Wrong::OwnTransaction => self.inner.decide(None, batch).await,
            Wrong::RefusalForgotten => self.refusal_forgotten(batch).await,
            Wrong::FirstLineOnly => self.first_line_only(batch).await,
            Wrong::RestStaysHeld => self.unlocked(&batch, |_| (), rest_stays_held).await,
            Wrong::LevelsUnannounced if !is_first => {
                self.unlocked(&batch, |_| (), |plan| plan.changes.clear())
                    .await
            }
            Wrong::EverythingAnnounced => self.unlocked(&batch, |_| (), everything_announced).await,
            Wrong::ClockOfTheServer if self.is_second => {
                let behind = |view: &mut View| view.now = an_hour_behind(view.now);
                self.unlocked(&batch, behind, |_| ()).await
            }
            _ => self.inner.decide(tx, self.seen(&batch)).await,
        }
    }

    async fn take(
        &self,
        seat: &mut Seat,
        command: &Command,
        keep: Duration,
    ) -> Result<Option<Reservation>, StoreError> {
        self.inner.take(seat, command, keep).await
    }

    async fn row(&self, sku: &str) -> Result<Option<StockRow>, StoreError> {
        let mut row = self.inner.row(sku).await?;
        if let Some(row) = row.as_mut().filter(|_| self.wrong == Wrong::VersionStays) {
            row.version = 1;
        }
        Ok(row)
    }

    async fn locked_rows(&self, skus: Vec<String>) -> Result<Vec<StockRow>, StoreError> {
        self.inner.locked_rows(skus).await
    }

    async fn reservation(
        &self,
        tx: Option<&mut Tx>,
        id: Uuid,
    ) -> Result<Option<Reservation>, StoreError> {
        self.inner.reservation(tx, id).await
    }

    async fn due(&self, limit: u32) -> Result<Vec<Reservation>, StoreError> {
        self.inner.due(limit).await
    }

    async fn prune_requests(&self) -> Result<u64, StoreError> {
        self.inner.prune_requests().await
    }

    async fn audit(&self, limit: u32) -> Result<Vec<Finding>, StoreError> {
        self.inner.audit(limit).await
    }
}
