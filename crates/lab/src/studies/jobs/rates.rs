//! Jobs that do nothing, from their enqueue to their completion.

use super::Bench;
use super::flow::{FEW, sustained};
use super::place::Place;
use super::team::Settings;
use crate::database::Database;

/// What is promised.
fn least(database: Database, settings: Settings) -> Option<f64> {
    match (database, settings) {
        (Database::Postgresql, Settings::Batches) => Some(15_000.0),
        (Database::Postgresql, Settings::Default) => Some(5_000.0),
        (Database::Sqlite, Settings::Batches) => Some(10_000.0),
        (Database::Sqlite, Settings::Default) => None,
    }
}

pub(super) async fn measure(bench: &mut Bench, database: Database) -> anyhow::Result<()> {
    if !bench.wants_on(database, "rates") {
        return Ok(());
    }
    for settings in [Settings::Batches, Settings::Default] {
        let place = Place::open(bench, database).await?;
        let sustained = sustained(&place, settings, FEW, bench.seconds).await?;
        let (rate, cost) = (sustained.rate, sustained.cost);
        let name = match settings {
            Settings::Batches => "with batches",
            Settings::Default => "with default settings",
        };
        let beside = match (database, bench.floor) {
            (Database::Postgresql, Some(floor)) => format!(
                "{cost}; {:.1} × {:.0}/s of pgbench, {} clients",
                rate.median / floor.per_second,
                floor.per_second,
                floor.clients
            ),
            _ => cost,
        };
        bench.rate(
            &format!("{}, jobs that do nothing, {name}", database.title()),
            rate,
            beside,
            least(database, settings),
        );
    }
    Ok(())
}
