use super::attempts::Attempts;
use super::pessimistic;
use crate::StockError;
use crate::command::{Action, Command};
use crate::engine::Engine;
use crate::model::Outcome;

/// Takes a single line by one statement; what that cannot decide is decided under a lock.
pub(crate) async fn run(engine: &Engine, command: Command) -> Result<Outcome, StockError> {
    let mut attempts = Attempts::new(engine, "atomic", engine.until());
    if is_single_line(&command) {
        attempts.begin();
        match engine
            .port
            .take(&command, engine.config.keep_outcomes)
            .await
        {
            Ok(Some(made)) => return Ok(Outcome::Reserved(made)),
            Ok(None) => {}
            Err(error) => {
                let skus = engine.batch([command.clone()]);
                engine.check(attempts.failed(error).await, &skus).await?;
            }
        }
    }
    pessimistic::decide(engine, command, attempts).await
}

fn is_single_line(command: &Command) -> bool {
    matches!(&command.action, Action::Reserve { lines, .. } if lines.single().is_some())
}
