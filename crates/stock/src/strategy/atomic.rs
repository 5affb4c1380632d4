use stanchion_store::StoreError;

use super::attempts::Attempts;
use super::pessimistic;
use crate::StockError;
use crate::command::{Action, Command};
use crate::engine::Engine;
use crate::model::Outcome;
use crate::port::Seat;

/// Takes a single line by one statement; what that cannot decide is decided under a lock.
pub(crate) async fn run(
    engine: &Engine,
    seat: &mut Seat,
    command: Command,
) -> Result<Outcome, StockError> {
    let mut attempts = Attempts::new(engine, "atomic", engine.until());
    let mut unknown = None;
    if is_single_line(&command) {
        attempts.begin();
        match engine
            .port
            .take(seat, &command, engine.config.keep_outcomes)
            .await
        {
            Ok(Some(made)) => return Ok(Outcome::Reserved(made)),
            Ok(None) => {}
            Err(error) => {
                unknown = may_come_later(&error, &command).then(|| error.clone());
                let skus = engine.batch([command.clone()]);
                engine.check(attempts.failed(error).await, &skus).await?;
            }
        }
    }
    match (
        pessimistic::decide(engine, seat, command, attempts).await?,
        unknown,
    ) {
        (Outcome::Refused(_), Some(unknown)) => Err(unknown.into()),
        (outcome, _) => Ok(outcome),
    }
}

fn is_single_line(command: &Command) -> bool {
    matches!(&command.action, Action::Reserve { lines, .. } if lines.single().is_some())
}

/// A lost statement holds no lock on its way, and may be run after it was looked for. What it makes then is refused by
/// the id of a reservation that was made instead, or by the key; after a refusal without a key nothing is in its way.
fn may_come_later(error: &StoreError, command: &Command) -> bool {
    command.key.is_none() && matches!(error, StoreError::CommitUnknown(_))
}
