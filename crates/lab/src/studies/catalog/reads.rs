//! Reads by id beside the least that a server can do, and the tail of lists and searches.

use std::path::Path;

use anyhow::{Context as _, ensure};
use stanchion_testkit::Program;

use super::{Bench, Database};
use crate::peers::wrk::{Load, Plan};
use crate::peers::{pgbench, wrk};
use crate::server::{Server, get, wait_until_up};

/// Clients of the reads by id: enough to keep two cores busy.
const CLIENTS: u32 = 32;
/// Clients of lists and searches: some users at a time, so that the tail is the query's and not the queue's.
const READERS: u32 = 4;
/// Repetitions, in turns with the peer; the median counts.
const ROUNDS: usize = 3;
const PAGES: &str = include_str!("pages.lua");
const BY_ID: &str = include_str!("by_id.lua");
const P99_TARGET_MS: f64 = 20.0;

pub(super) async fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    pgbench::initialise(&bench.postgres)?;
    for database in bench.databases() {
        let server = bench.binary.serve(&database.url, &[]).await?;
        by_id(bench, &database, &server).await?;
        pages(bench, &database, &server).await?;
    }
    Ok(())
}

async fn by_id(bench: &mut Bench, database: &Database, server: &Server) -> anyhow::Result<()> {
    let address = server.base.trim_start_matches("http://").to_owned();
    let list = get(&address, "/v1/products?limit=200").await?;
    let ids = ids(&list)?;
    let body = bench.path("body.json");
    let one = get(&address, &format!("/v1/products/{}", ids[0])).await?;
    std::fs::write(&body, one.split_once("\r\n\r\n").context("an answer")?.1)?;
    let script = bench.path("by_id.lua");
    std::fs::write(&script, BY_ID.replace("IDS", &quoted(&ids)))?;
    let bare = Bare::start(&body).await?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        theirs.push(load(bench, &bare.base, CLIENTS, &script)?);
        ours.push(load(bench, &server.base, CLIENTS, &script)?);
    }
    let (ours, theirs) = (median(ours), median(theirs));
    let ratio = ours.requests_per_second / theirs.requests_per_second;
    let what = format!("GET by id, {}", database.name);
    let measured = format!(
        "{:.0}/s, p99 {:.1} ms",
        ours.requests_per_second, ours.p99_ms
    );
    let beside = format!(
        "{ratio:.2} × a bare handler's {:.0}/s",
        theirs.requests_per_second
    );
    if database.name == "SQLite" {
        bench
            .report
            .row(&what, measured, beside, "≥ 0.5 × bare", Some(ratio >= 0.5));
        return Ok(());
    }
    let select = pgbench::select_only(&bench.postgres, 8, bench.seconds).await?;
    let against = ours.requests_per_second / select;
    let beside = format!("{beside}; {against:.2} × pgbench -S's {select:.0}/s at 8 clients");
    bench.report.row(
        &what,
        measured,
        beside,
        "≥ 0.6 × pgbench -S",
        Some(against >= 0.6),
    );
    Ok(())
}

async fn pages(bench: &mut Bench, database: &Database, server: &Server) -> anyhow::Result<()> {
    let address = server.base.trim_start_matches("http://");
    let sample = Sample::of(&items(&get(address, "/v1/products?limit=200").await?)?);
    for kind in ["list", "search"] {
        let script = bench.path("pages.lua");
        std::fs::write(&script, sample.fill(PAGES).replace("KIND", kind))?;
        let load = load(bench, &server.base, READERS, &script)?;
        bench.report.row(
            &format!("{kind}, {}, mixed orders and filters", database.name),
            format!("p99 {:.1} ms", load.p99_ms),
            format!(
                "p50 {:.1} ms, {:.0}/s at {READERS} clients",
                load.p50_ms, load.requests_per_second
            ),
            "p99 ≤ 20 ms",
            Some(load.p99_ms <= P99_TARGET_MS),
        );
    }
    Ok(())
}

fn load(bench: &Bench, base: &str, connections: u32, script: &Path) -> anyhow::Result<Load> {
    let plan = Plan {
        url: base,
        connections,
        seconds: bench.seconds,
        script: Some(script),
    };
    let load = wrk::run(&plan)?;
    ensure!(load.errors == 0, "{} requests failed", load.errors);
    Ok(load)
}

fn median(mut loads: Vec<Load>) -> Load {
    loads.sort_by(|a, b| a.requests_per_second.total_cmp(&b.requests_per_second));
    loads[loads.len() / 2]
}

fn ids(answer: &str) -> anyhow::Result<Vec<String>> {
    let ids: Vec<String> = texts(&items(answer)?, "/id");
    ensure!(!ids.is_empty(), "the catalogue is empty");
    Ok(ids)
}

fn items(answer: &str) -> anyhow::Result<Vec<serde_json::Value>> {
    let (_, body) = answer.split_once("\r\n\r\n").context("an answer")?;
    let page: serde_json::Value = serde_json::from_str(body)?;
    Ok(page["items"].as_array().context("items")?.clone())
}

fn texts(items: &[serde_json::Value], pointer: &str) -> Vec<String> {
    let found = items
        .iter()
        .filter_map(|item| item.pointer(pointer)?.as_str().map(str::to_owned));
    found.collect()
}

/// What visitors ask for: categories, colours and words that occur.
struct Sample {
    categories: Vec<String>,
    colours: Vec<String>,
    words: Vec<String>,
}

impl Sample {
    fn of(items: &[serde_json::Value]) -> Self {
        let names = texts(items, "/name").join(" ");
        let words = names
            .split(|c: char| !c.is_alphabetic())
            .filter(|word| word.len() >= 4);
        Self {
            categories: texts(items, "/category"),
            colours: texts(items, "/attributes/colour"),
            words: words.map(str::to_owned).collect(),
        }
    }

    fn fill(&self, script: &str) -> String {
        [
            ("CATEGORIES", &self.categories),
            ("COLOURS", &self.colours),
            ("WORDS", &self.words),
        ]
        .iter()
        .fold(script.to_owned(), |script, (name, values)| {
            script.replace(name, &quoted(values))
        })
    }
}

fn quoted(ids: &[String]) -> String {
    ids.iter().map(|id| format!("\"{id}\",")).collect()
}

/// The bare handler, as a process of its own like the server.
struct Bare {
    base: String,
    _running: stanchion_testkit::Running,
}

impl Bare {
    async fn start(body: &Path) -> anyhow::Result<Self> {
        let listen = format!("127.0.0.1:{}", stanchion_testkit::free_port());
        let program =
            Program::new(std::env::current_exe()?).args(["bare", "--listen", &listen, "--body"]);
        let running = program.arg(body).start();
        // It answers 404 to the health check, which is an answer.
        let _ = tokio::time::timeout(
            std::time::Duration::from_millis(500),
            wait_until_up(&listen),
        )
        .await;
        Ok(Self {
            base: format!("http://{listen}"),
            _running: running,
        })
    }
}
