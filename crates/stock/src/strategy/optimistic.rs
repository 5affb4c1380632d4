use stanchion_store::StoreError;

use super::attempts::Attempts;
use crate::StockError;
use crate::command::{Batch, Command};
use crate::decide::decide;
use crate::engine::Engine;
use crate::model::Outcome;

/// Reads, decides, and writes if nobody was faster.
pub(crate) async fn run(engine: &Engine, command: Command) -> Result<Outcome, StockError> {
    let mut attempts = Attempts::new(engine, "optimistic", engine.until());
    let mut batch = engine.batch([command]);
    loop {
        batch.again = attempts.begin();
        match attempt(engine, &batch).await {
            Ok(outcomes) => return engine.only(outcomes),
            Err(error) => engine.check(attempts.failed(error).await, &batch).await?,
        }
    }
}

async fn attempt(engine: &Engine, batch: &Batch) -> Result<Vec<Outcome>, StoreError> {
    let view = engine.port.view(batch).await?;
    let (outcomes, plan) = decide(view, batch);
    if !plan.is_empty() {
        engine.port.apply(plan).await?;
    }
    Ok(outcomes)
}
