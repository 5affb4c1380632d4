//! Whether it matters how much waits.

use super::Bench;
use super::flow::{FEW, sustained};
use super::place::Place;
use super::team::Settings;
use crate::database::Database;

pub(super) async fn measure(bench: &mut Bench, database: Database) -> anyhow::Result<()> {
    if !bench.wants_on(database, "backlog") {
        return Ok(());
    }
    let (seconds, backlog) = (bench.seconds, bench.backlog);
    let place = Place::open(bench, database).await?;
    let free = sustained(&place, Settings::Batches, FEW, seconds)
        .await?
        .rate;
    let place = Place::open(bench, database).await?;
    let burdened = sustained(&place, Settings::Batches, backlog, seconds)
        .await?
        .rate;
    let what = format!("{}, the same while {backlog} jobs wait", database.title());
    bench.fall(&what, (burdened, free));
    Ok(())
}
