use super::attempts::Attempts;
use crate::StockError;
use crate::command::Command;
use crate::engine::Engine;
use crate::model::Outcome;
use crate::port::Seat;

/// Locks, decides, writes.
pub(crate) async fn run(engine: &Engine, command: Command) -> Result<Outcome, StockError> {
    let attempts = Attempts::new(engine, "pessimistic", engine.until());
    decide(engine, &mut Seat::default(), command, attempts).await
}

pub(super) async fn decide(
    engine: &Engine,
    seat: &mut Seat,
    command: Command,
    mut attempts: Attempts<'_>,
) -> Result<Outcome, StockError> {
    let mut batch = engine.batch([command]);
    loop {
        batch.again = attempts.begin();
        match engine.port.decide_next(seat, batch.clone()).await {
            Ok(outcomes) => return engine.only(outcomes),
            Err(error) => engine.check(attempts.failed(error).await, &batch).await?,
        }
    }
}
