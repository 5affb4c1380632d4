//! Whether it matters that somebody looks at the database for long.

use std::path::Path;
use std::time::Duration;

use sqlx::{Connection as _, PgConnection};
use stanchion_kernel::Clock;

use super::Bench;
use super::flow::{FEW, Flow};
use super::place::Place;
use super::team::Settings;
use super::vacuum::{Rows, rows};
use crate::database::Database;
use crate::load::number;
use crate::spreading::Spreading;

const ON_POSTGRES: &str = include_str!("snapshot.sql");
const ON_SQLITE: &str = include_str!("snapshot.sqlite.sql");
/// What a file of SQLite grows by in a longer time says nothing more, and is much.
const LONGEST_ON_SQLITE_S: u32 = 20;
/// How long PostgreSQL has to clean up, and as long as the snapshot was open; by default it looks every minute whether it should.
const PATIENCE: Duration = Duration::from_mins(5);
const LOOK: Duration = Duration::from_secs(1);
/// What may be left of the dead rows when they are cleaned up.
const LEFT: f64 = 0.1;

/// Somebody who looks. Dropped, it is over.
enum Snapshot {
    Postgres(PgConnection),
    Sqlite(rusqlite::Connection),
}

impl Snapshot {
    async fn open(place: &Place) -> anyhow::Result<Self> {
        Ok(match place.file() {
            Some(file) => {
                let connection = rusqlite::Connection::open(file)?;
                connection.execute_batch(ON_SQLITE)?;
                Self::Sqlite(connection)
            }
            None => {
                let mut connection = PgConnection::connect(&place.url).await?;
                sqlx::raw_sql(ON_POSTGRES).execute(&mut connection).await?;
                Self::Postgres(connection)
            }
        })
    }

    async fn close(self) -> anyhow::Result<()> {
        match self {
            Self::Postgres(connection) => connection.close().await?,
            Self::Sqlite(connection) => drop(connection),
        }
        Ok(())
    }
}

pub(super) async fn measure(bench: &mut Bench, database: Database) -> anyhow::Result<()> {
    if !bench.wants_on(database, "snapshot") {
        return Ok(());
    }
    let held_s = match database {
        Database::Postgresql => bench.snapshot,
        Database::Sqlite => bench.snapshot.min(LONGEST_ON_SQLITE_S),
    };
    let place = Place::open(bench, database).await?;
    let flow = Flow::start(&place, Settings::Batches, FEW).await?;
    let mut without = flow.rates(bench.seconds).await;
    let snapshot = Snapshot::open(&place).await?;
    let windows = (held_s / bench.seconds).max(1);
    // The last fifth, which has the most behind it; fewer windows are at the mercy of one checkpoint.
    let last = (windows / 5).max(3).min(windows);
    let mut burdened = Vec::new();
    for window in 0..windows {
        let rate = flow.rate(bench.seconds).await;
        if window >= windows - last {
            burdened.push(rate);
        }
    }
    let burdened = Spreading::of(&burdened);
    let (held, log) = (rows(&place).await?, place.file().map(|file| log_mib(&file)));
    snapshot.close().await?;
    let done = number(flow.done());
    flow.stop().await?;
    if let Some(log) = log {
        bench.report.row(
            "SQLite, its log when the snapshot ends",
            format!("{log:.0} MiB"),
            format!("{done:.0} jobs"),
            "",
            None,
        );
    }
    if let Some(held) = held {
        let patience = PATIENCE + Duration::from_secs(held_s.into());
        cleaned(bench, &place, (held, done), patience).await?;
    }
    // A history that grew for so long costs something, too, and the machine is not always as fast: hence before and after.
    let flow = Flow::start(&place, Settings::Batches, FEW).await?;
    without.extend(flow.rates(bench.seconds).await);
    flow.stop().await?;
    let what = format!(
        "{}, the same while a snapshot is open, the last {} of {held_s} s",
        database.title(),
        last * bench.seconds
    );
    bench.fall(&what, (burdened, Spreading::of(&without)));
    Ok(())
}

/// The size of the write-ahead log, which cannot be emptied before the snapshot ends.
fn log_mib(file: &Path) -> f64 {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    let bytes = std::fs::metadata(log).map_or(0, |log| log.len());
    number(bytes) / f64::from(1 << 20)
}

/// Waits until the rows that the snapshot kept are gone.
async fn cleaned(
    bench: &mut Bench,
    place: &Place,
    (held, done): (Rows, f64),
    patience: Duration,
) -> anyhow::Result<()> {
    bench.report.row(
        "PostgreSQL, rows that a job leaves dead",
        format!("{:.2}", held.left_behind / done),
        format!("{done:.0} jobs"),
        "",
        None,
    );
    let clock = Clock::system();
    let ended = clock.monotonic();
    let (mut now, mut took) = (held, Duration::ZERO);
    while now.dead > LEFT * held.dead && took < patience {
        tokio::time::sleep(LOOK).await;
        now = rows(place).await?.unwrap_or_default();
        took = clock.monotonic() - ended;
    }
    bench.report.row(
        "PostgreSQL, dead rows after the snapshot ended",
        format!("{:.0} after {:.0} s", now.dead, took.as_secs_f64()),
        format!("{:.0} when it ended", held.dead),
        "≤ a tenth",
        Some(now.dead <= LEFT * held.dead),
    );
    Ok(())
}
