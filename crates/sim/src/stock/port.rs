//! The port of one server to the database, over a network that is slow and loses things.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use stanchion_kernel::{Clock, Uuid};
use stanchion_stock::command::{Batch, Command};
use stanchion_stock::decide::{Plan, View, decide};
use stanchion_stock::port::{Port, Seat};
use stanchion_stock::{Finding, Outcome, Reservation, StockRow};
use stanchion_store::{StoreError, Tx};
use tokio_util::sync::CancellationToken;

use crate::stock::Wrong;
use crate::stock::database::{Database, Held, Seen, Writing};
use crate::stock::history::{Decision, Event};
use crate::stock::weather::Weather;

#[derive(Debug)]
pub(crate) struct SimPort {
    pub(crate) database: Arc<Database>,
    pub(crate) weather: Arc<Weather>,
    pub(crate) server: usize,
    /// The server's own clock, which nothing here should ask.
    pub(crate) clock: Clock,
    /// Ends with the server.
    pub(crate) life: CancellationToken,
    /// What each task has seen and not yet applied.
    pub(crate) undecided: Mutex<BTreeMap<tokio::task::Id, Vec<Decision>>>,
}

impl SimPort {
    /// Works while the server lives. What it was doing after that never goes on.
    async fn alive<T>(&self, work: impl Future<Output = T>) -> T {
        match self.life.run_until_cancelled(work).await {
            Some(done) => done,
            None => std::future::pending().await,
        }
    }

    /// A message on its way.
    async fn travel(&self) {
        let dice = &self.database.dice;
        let slow = self.weather.strikes(dice, self.weather.slow);
        let delay = if slow {
            dice.millis(20, 600)
        } else {
            dice.millis(0, 4)
        };
        self.database.time.pass(delay).await;
    }

    fn strikes(&self, permille: u64, what: &'static str) -> bool {
        let strikes = self.weather.strikes(&self.database.dice, permille);
        if strikes {
            let server = self.server;
            self.database.recorder.record(Event::Fault { server, what });
        }
        strikes
    }

    /// A request that may not get there.
    async fn arrive(&self) -> Result<(), StoreError> {
        self.travel().await;
        if self.strikes(self.weather.unreachable, "unreachable") {
            return Err(StoreError::Unavailable("a fault".to_owned()));
        }
        if self.strikes(self.weather.busy, "busy") {
            return Err(StoreError::Busy("a fault"));
        }
        Ok(())
    }

    fn in_service(&self, batch: &Batch) -> Batch {
        let mut batch = batch.clone();
        match self.database.wrong {
            Some(Wrong::TakesUnknownForFailed) => batch.again = false,
            Some(Wrong::KeepsKeysOutside) => batch.again = true,
            _ => {}
        }
        batch
    }

    fn decided(&self, mut seen: Seen, batch: &Batch) -> (Vec<Outcome>, Plan, Vec<Decision>) {
        if self.database.wrong == Some(Wrong::AsksTheServersClock) {
            seen.view.now = self.clock.now();
        }
        let (outcomes, plan) = decide(seen.view.clone(), batch);
        let decisions = seen.decisions(self.server, batch, &outcomes, &plan);
        (outcomes, plan, decisions)
    }

    fn record(&self, decisions: Vec<Decision>) {
        for decision in decisions {
            self.database.recorder.record(Event::Decided(decision));
        }
    }

    async fn see(&self, batch: &Batch) -> Result<View, StoreError> {
        self.arrive().await?;
        let batch = self.in_service(batch);
        let seen = self.database.view(&batch).await;
        let view = seen.view.clone();
        let (_, plan, decisions) = self.decided(seen, &batch);
        if plan.is_empty() {
            self.record(decisions);
        } else if let Some(task) = tokio::task::try_id() {
            self.undecided().insert(task, decisions);
        }
        self.travel().await;
        Ok(view)
    }

    async fn write(&self, plan: Plan) -> Result<(), StoreError> {
        let task = tokio::task::try_id();
        let decisions = task.and_then(|task| self.undecided().remove(&task));
        self.arrive().await?;
        let mut held = Held::default();
        let skus: Vec<String> = plan.rows.iter().map(|(_, row)| row.sku.clone()).collect();
        self.database.lock_rows(&mut held, &skus).await?;
        self.database.prepare(&mut held, &plan).await?;
        self.travel().await;
        let decisions = decisions.unwrap_or_default();
        self.commit(Writing {
            plan,
            held,
            decisions,
        })
        .await
    }

    async fn settle(&self, batch: &Batch) -> Result<Vec<Outcome>, StoreError> {
        self.arrive().await?;
        let batch = self.in_service(batch);
        let mut held = Held::default();
        let seen = self.database.lock(&mut held, &batch).await?;
        let (outcomes, plan, decisions) = self.decided(seen, &batch);
        if plan.is_empty() {
            self.record(decisions);
        } else {
            self.travel().await;
            self.database.prepare(&mut held, &plan).await?;
            self.travel().await;
            self.commit(Writing {
                plan,
                held,
                decisions,
            })
            .await?;
        }
        self.travel().await;
        Ok(outcomes)
    }

    /// Sends a commit, and waits for its answer as long as there is somebody to wait. The database goes on alone.
    async fn commit(&self, writing: Writing) -> Result<(), StoreError> {
        if self.strikes(self.weather.conflict, "conflict") {
            return Err(StoreError::Conflict("a fault".to_owned()));
        }
        if self.strikes(self.weather.lost_request, "lost commit") {
            return Err(lost());
        }
        let late = self.strikes(self.weather.late_commit, "late commit");
        let hasty = self.database.wrong == Some(Wrong::AnswersBeforeCommit);
        let dice = &self.database.dice;
        if hasty && dice.permille(100) {
            return Ok(());
        }
        let delay = if late {
            dice.millis(5, 300)
        } else {
            dice.millis(0, 4)
        };
        let database = Arc::clone(&self.database);
        let commit = tokio::spawn(async move {
            database.time.pass(delay).await;
            database.commit(writing);
        });
        if late {
            return Err(lost());
        }
        if !hasty {
            self.answer(commit).await?;
        }
        Ok(())
    }

    /// The answer of what the database does alone, unless it gets lost.
    async fn answer<T>(&self, work: tokio::task::JoinHandle<T>) -> Result<T, StoreError> {
        let done = work.await.map_err(|_| lost())?;
        self.database.time.catch_up();
        self.travel().await;
        if self.strikes(self.weather.lost_answer, "lost answer") {
            return Err(lost());
        }
        Ok(done)
    }

    async fn take_one(
        &self,
        command: &Command,
        keep: Duration,
    ) -> Result<Option<Reservation>, StoreError> {
        self.arrive().await?;
        if self.strikes(self.weather.lost_request, "lost statement") {
            return Err(lost());
        }
        if self.strikes(self.weather.conflict, "conflict") {
            return Err(StoreError::Conflict("a fault".to_owned()));
        }
        let late = self.strikes(self.weather.late_commit, "late statement");
        let dice = &self.database.dice;
        let delay = if late {
            dice.millis(5, 300)
        } else {
            Duration::ZERO
        };
        let (database, server) = (Arc::clone(&self.database), self.server);
        let command = command.clone();
        let statement = tokio::spawn(async move {
            database.time.pass(delay).await;
            database.take(server, command, keep).await
        });
        if late {
            return Err(lost());
        }
        self.answer(statement).await?
    }

    async fn read_locked(&self, skus: Vec<String>) -> Result<Vec<StockRow>, StoreError> {
        self.arrive().await?;
        let mut held = Held::default();
        let there = self.database.rows_of(&skus);
        let there: Vec<String> = there.into_iter().map(|row| row.sku).collect();
        self.database.lock_rows(&mut held, &there).await?;
        let rows = self.database.rows_of(&there);
        self.database.recorder.record(Event::Read {
            skus,
            rows: rows.clone(),
        });
        drop(held);
        self.travel().await;
        Ok(rows)
    }

    fn undecided(&self) -> std::sync::MutexGuard<'_, BTreeMap<tokio::task::Id, Vec<Decision>>> {
        self.undecided
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn lost() -> StoreError {
    StoreError::CommitUnknown("a fault".to_owned())
}

#[async_trait]
impl Port for SimPort {
    async fn view(&self, batch: &Batch) -> Result<View, StoreError> {
        self.alive(self.see(batch)).await
    }

    async fn apply(&self, plan: Plan) -> Result<(), StoreError> {
        self.alive(self.write(plan)).await
    }

    async fn decide(&self, tx: Option<&mut Tx>, batch: Batch) -> Result<Vec<Outcome>, StoreError> {
        if tx.is_some() {
            return Err(StoreError::Config("nobody shares a transaction".to_owned()));
        }
        self.alive(self.settle(&batch)).await
    }

    async fn take(
        &self,
        _seat: &mut Seat,
        command: &Command,
        keep: Duration,
    ) -> Result<Option<Reservation>, StoreError> {
        self.alive(self.take_one(command, keep)).await
    }

    async fn row(&self, sku: &str) -> Result<Option<StockRow>, StoreError> {
        let rows = self.read_locked(vec![sku.to_owned()]);
        Ok(self.alive(rows).await?.pop())
    }

    async fn locked_rows(&self, skus: Vec<String>) -> Result<Vec<StockRow>, StoreError> {
        self.alive(self.read_locked(skus)).await
    }

    async fn reservation(
        &self,
        _tx: Option<&mut Tx>,
        id: Uuid,
    ) -> Result<Option<Reservation>, StoreError> {
        let read = async {
            self.arrive().await?;
            let found = self.database.reservation(id);
            self.travel().await;
            Ok(found)
        };
        self.alive(read).await
    }

    async fn due(&self, limit: u32) -> Result<Vec<Reservation>, StoreError> {
        let read = async {
            self.arrive().await?;
            let due = self.database.due(limit);
            self.travel().await;
            Ok(due)
        };
        self.alive(read).await
    }

    async fn prune_requests(&self) -> Result<u64, StoreError> {
        let pruned = async {
            self.arrive().await?;
            Ok(self.database.prune())
        };
        self.alive(pruned).await
    }

    /// The oracle audits.
    async fn audit(&self, _limit: u32) -> Result<Vec<Finding>, StoreError> {
        Ok(Vec::new())
    }
}
