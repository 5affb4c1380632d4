//! The cells on which something is promised, several times in turns with what they are compared to.

use stanchion_stock::Strategy;

use super::Bench;
use super::cells::{Cell, Measured, Method, Spread};
use super::ledger::{Ledger, fixed, immediate};
use super::peer;
use crate::database::Database;
use crate::spreading::Spreading;

const ROUNDS: usize = 3;
const CLIENTS: usize = 64;
const HOT: Cell = Cell {
    database: Database::Postgresql,
    spread: Spread::Hot,
    clients: CLIENTS,
    method: Method::Update,
};

pub(super) async fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    if !bench.wants("promises") {
        return Ok(());
    }
    let postgres = Ledger::fill(bench, Database::Postgresql, Spread::Hot).await?;
    let sqlite = Ledger::fill(bench, Database::Sqlite, Spread::Hot).await?;
    many(bench, &postgres).await?;
    one(bench, &postgres).await?;
    embedded(bench, &sqlite).await
}

/// The better single statement where nothing was measured before, by one run of each.
pub(super) fn best_statement(bench: &Bench) -> anyhow::Result<Method> {
    if let Some((method, _)) = bench.cells.best_statement(HOT) {
        return Ok(method);
    }
    let rate = |method| peer::run(bench, Cell { method, ..HOT });
    let (update, cte) = (rate(Method::Update)?, rate(Method::Cte)?);
    Ok(if update.per_second >= cte.per_second {
        Method::Update
    } else {
        Method::Cte
    })
}

/// One round of the promises for many calls at a time.
struct Round {
    outstanding_64: Measured,
    outstanding_1024: Measured,
    immediate: Measured,
    immediate_few: Measured,
    statement: Measured,
}

async fn many(bench: &mut Bench, ledger: &Ledger) -> anyhow::Result<()> {
    let method = best_statement(bench)?;
    let batched = || fixed(Strategy::Batched);
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(Round {
            outstanding_64: ledger.load(bench, CLIENTS, batched()).await?,
            immediate: ledger.load(bench, CLIENTS, immediate()).await?,
            statement: peer::run(bench, Cell { method, ..HOT })?,
            outstanding_1024: ledger.load(bench, 1024, batched()).await?,
            immediate_few: ledger.load_on(bench, CLIENTS, 8, immediate()).await?,
        });
    }
    let rates = |of: fn(&Round) -> &Measured| {
        let rates: Vec<f64> = rounds.iter().map(|round| of(round).per_second).collect();
        Spreading::of(&rates)
    };
    let ours = rates(|round| &round.outstanding_64);
    let immediate = rates(|round| &round.immediate);
    let few = rates(|round| &round.immediate_few).rate();
    let statement = rates(|round| &round.statement);
    let crowd = rates(|round| &round.outstanding_1024);
    let name = method.title();
    bench.promise(
        "one hot SKU, PostgreSQL, 64 outstanding, batched, beside optimistic with immediate retry",
        (ours, immediate, 30.0),
        &format!("optimistic, immediate retry; with a pool of 8 connections {few}"),
    );
    bench.promise(
        "one hot SKU, PostgreSQL, 64 outstanding, batched, beside the best single statement",
        (ours, statement, 10.0),
        name,
    );
    bench.promise(
        "one hot SKU, PostgreSQL, 1,024 outstanding, batched, beside the same statement",
        (crowd, statement, 20.0),
        name,
    );
    Ok(())
}

impl Bench {
    fn promise(
        &mut self,
        what: &str,
        (ours, theirs, least): (Spreading, Spreading, f64),
        name: &str,
    ) {
        let ratio = ours.median / theirs.median;
        self.report.row(
            what,
            ours.rate(),
            format!("{ratio:.1} × {} of {name}", theirs.rate()),
            &format!("≥ {least} ×"),
            Some(ratio >= least),
        );
    }
}

/// What a single client waits for, beside the plain statement that writes the same rows, through the same driver; and
/// beside the UPDATE alone.
async fn one(bench: &mut Bench, ledger: &Ledger) -> anyhow::Result<()> {
    let (mut ours, mut plain, mut update) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        plain.push(peer::alone(bench, Method::Cte).await?.p50_ms);
        update.push(peer::alone(bench, Method::Update).await?.p50_ms);
        let measured = ledger.load(bench, 1, fixed(Strategy::Batched)).await?;
        ours.push(measured.p50_ms);
    }
    let (ours, plain, update) = (
        Spreading::of(&ours),
        Spreading::of(&plain),
        Spreading::of(&update),
    );
    let ratio = ours.median / plain.median;
    let ms = |of: Spreading| format!("{:.3} ms ({:.3} to {:.3})", of.median, of.least, of.most);
    bench.report.row(
        "one hot SKU, PostgreSQL, one client, batched, p50",
        ms(ours),
        format!(
            "{ratio:.2} × {} of the plain statement with reservation and movement; the UPDATE alone {}",
            ms(plain),
            ms(update)
        ),
        "≤ 1.2 ×",
        Some(ratio <= 1.2),
    );
    Ok(())
}

async fn embedded(bench: &mut Bench, ledger: &Ledger) -> anyhow::Result<()> {
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        let measured = ledger
            .load(bench, CLIENTS, fixed(Strategy::Batched))
            .await?;
        rates.push(measured.per_second);
    }
    let rate = Spreading::of(&rates);
    bench.report.row(
        "one hot SKU, SQLite, 64 outstanding, batched",
        rate.rate(),
        String::new(),
        "≥ 20,000/s",
        Some(rate.median >= 20_000.0),
    );
    Ok(())
}
