#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use stanchion_store::StoreError;
use tokio::sync::oneshot;

use super::attempts::Attempts;
use super::{atomic, pessimistic};
use crate::StockError;
use crate::command::Command;
use crate::engine::Engine;
use crate::lane::Offer;
use crate::model::Outcome;
use crate::observe;
use crate::port::Seat;

/// A command that waits in a lane.
#[derive(Debug)]
pub(crate) struct Waiting {
    command: Command,
    answer: oneshot::Sender<Answer>,
}

/// What became of it, and how many commands were decided with it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) outcome: Result<Outcome, StockError>,
    pub(crate) size: usize,
}

impl Waiting {
    fn answer(self, outcome: Result<Outcome, StockError>, size: usize) {
        // A caller who went away finds the outcome by the key or the id.
        let _nobody_waits = self.answer.send(Answer { outcome, size });
    }
}

/// Waits in the lane of the command's lowest SKU.
pub(crate) async fn run(engine: &Arc<Engine>, command: Command) -> Answer {
    let (answer, answered) = oneshot::channel();
    let at = engine.lane_of(command.first_sku());
    let lines = command.skus().len();
    let waiting = Waiting { command, answer };
    match engine.lane(at).offer(waiting, lines, engine.until()) {
        Offer::Start => drop(tokio::spawn(drive(Shift::begin(engine, at)))),
        Offer::Wait => engine.bell(at).notify_one(),
        Offer::Full(waiting) => {
            waiting.answer(Err(engine.busy()), 0);
        }
    }
    answered.await.unwrap_or_else(|_| Answer {
        outcome: Err(abandoned().into()),
        size: 0,
    })
}

fn abandoned() -> StoreError {
    StoreError::CommitUnknown("the batch was abandoned".to_owned())
}

/// The most turns of the runtime between two batches; more would keep waiting those who came first.
const TURNS: usize = 16;

/// How long an idle lane keeps its connection. Others may be waiting for one by then.
const LINGER: Duration = Duration::from_millis(5);

/// Works on a lane until nothing waits in it.
async fn drive(mut shift: Shift) {
    while let Some(batch) = shift.next() {
        settle(&shift.engine, &mut shift.seat, batch).await;
        shift.let_others_in().await;
        shift.linger().await;
    }
}

/// The right and the duty to work on a lane. When it ends early, by a panic or with the runtime, the lane is free again.
struct Shift {
    engine: Arc<Engine>,
    at: usize,
    seat: Seat,
    is_over: bool,
}

impl Shift {
    fn begin(engine: &Arc<Engine>, at: usize) -> Self {
        Self {
            engine: Arc::clone(engine),
            at,
            seat: Seat::default(),
            is_over: false,
        }
    }

    /// The next batch; what waited for too long is answered.
    fn next(&mut self) -> Option<Vec<Waiting>> {
        let now = self.engine.clock.monotonic();
        let (next, depth) = {
            let mut lane = self.engine.lane(self.at);
            (lane.next(now), lane.depth())
        };
        observe::lane_depth(self.at, depth);
        // From here on the lane belongs to whoever finds it idle.
        self.is_over = next.is_none();
        let next = next?;
        for late in next.late {
            late.answer(Err(self.engine.busy()), 0);
        }
        Some(next.batch)
    }
}

impl Shift {
    /// Whoever was woken by an answer and asks again at once is part of the next batch, and not of the one after. With
    /// many of them that takes more than one turn of the runtime; it ends when a turn brings nobody.
    async fn let_others_in(&self) {
        let mut waiting = self.depth();
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
            let more = self.depth();
            if more == waiting {
                break;
            }
            waiting = more;
        }
    }

    /// Whoever comes a moment later finds a connection whose server process was at work just now.
    async fn linger(&self) {
        let over = tokio::time::sleep(LINGER);
        tokio::pin!(over);
        while self.seat.is_taken() && self.depth() == 0 {
            tokio::select! {
                () = self.engine.bell(self.at).notified() => {}
                () = &mut over => return,
            }
        }
    }

    fn depth(&self) -> usize {
        self.engine.lane(self.at).depth()
    }
}

impl Drop for Shift {
    fn drop(&mut self) {
        if !self.is_over {
            drop(self.engine.lane(self.at).abandon());
        }
    }
}

async fn settle(engine: &Arc<Engine>, seat: &mut Seat, batch: Vec<Waiting>) {
    observe::batch(batch.len());
    match batch.len() {
        0 => {}
        1 => {
            for only in batch {
                let outcome = atomic::run(engine, seat, only.command.clone()).await;
                only.answer(outcome, 1);
            }
        }
        _ => together(engine, seat, batch).await,
    }
}

async fn together(engine: &Arc<Engine>, seat: &mut Seat, waiting: Vec<Waiting>) {
    let size = waiting.len();
    let commands = waiting.iter().map(|one| one.command.clone());
    let mut batch = engine.batch(commands.collect::<Vec<_>>());
    let mut attempts = Attempts::new(engine, "batched", engine.until());
    let error = loop {
        batch.again = attempts.begin();
        match engine.port.decide_next(seat, batch.clone()).await {
            Ok(outcomes) => {
                for (one, outcome) in waiting.into_iter().zip(outcomes) {
                    one.answer(Ok(outcome), size);
                }
                return;
            }
            Err(error) => match attempts.failed(error).await {
                Ok(()) => {}
                Err(last) => break last,
            },
        }
    };
    tracing::warn!(%error, size, "a batch failed");
    match error {
        // One of them is what the database refuses; the others shall not pay for it.
        StoreError::Database(_) | StoreError::Corrupt(_) => alone(engine, waiting).await,
        error => {
            let error = engine.failure(error, &batch).await;
            for one in waiting {
                one.answer(Err(error.clone()), size);
            }
        }
    }
}

async fn alone(engine: &Engine, waiting: Vec<Waiting>) {
    for one in waiting {
        let outcome = pessimistic::run(engine, one.command.clone()).await;
        one.answer(outcome, 1);
    }
}
