//! Reservations of one hot SKU through HTTP, with client, server and database on this machine.

use anyhow::ensure;

use super::Bench;
use crate::cpu;
use crate::peers::wrk::{self, Load, Plan};
use crate::server::{Binary, Server, post};

const SCRIPT: &str = include_str!("reserve.lua");
const CONNECTIONS: u32 = 256;
const LEAST_PER_SECOND: f64 = 10_000.0;
const LONGEST_P99_MS: f64 = 100.0;
const WARM_UP_SECONDS: u32 = 2;
/// A load lasts longer than a cell, since its tail is judged.
const LEAST_SECONDS: u32 = 5;

pub(super) async fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    if !bench.wants("http") {
        return Ok(());
    }
    let binary = Binary::build()?;
    let database = bench.postgres.empty_database().await;
    let server = binary.serve(database.url(), &[]).await?;
    let key = binary
        .create_key(database.url(), "catalog:write,stock:write")
        .await?;
    stock_up(&server, &key).await?;
    let script = bench.folder.path().join("reserve.lua");
    std::fs::write(&script, SCRIPT.replace("KEY", &key))?;
    let plan = |seconds| Plan {
        url: &server.base,
        connections: CONNECTIONS,
        seconds,
        script: Some(&script),
    };
    wrk::run(&plan(WARM_UP_SECONDS))?;
    let before = Times::now(bench, &server);
    let load = wrk::run(&plan(bench.window.seconds.max(LEAST_SECONDS)))?;
    let used = Times::now(bench, &server).since(&before);
    report(bench, &load, &used);
    Ok(())
}

async fn stock_up(server: &Server, key: &str) -> anyhow::Result<()> {
    let address = server.base.trim_start_matches("http://");
    let product = r#"{"sku":"LAB-HOT","name":"The product of a study","category":"Studies","status":"active","price":{"amount":100,"currency":"EUR"}}"#;
    let receipt = r#"{"delta":1000000000,"reason":"the stock of a study"}"#;
    let posts = [
        ("/v1/products", product),
        ("/v1/stock/LAB-HOT/adjustments", receipt),
    ];
    for (path, body) in posts {
        let answer = post(address, path, key, body).await?;
        ensure!(answer.starts_with("HTTP/1.1 2"), "{path}: {answer}");
    }
    Ok(())
}

/// Processor seconds.
struct Times {
    server: f64,
    postgres: f64,
    wrk: f64,
}

impl Times {
    fn now(bench: &Bench, server: &Server) -> Self {
        Self {
            server: cpu::of(server.pid()).own,
            postgres: bench.postgres.pid().map_or(0.0, cpu::of_family),
            // wrk has ended and was waited for; whatever else we started is still there.
            wrk: cpu::of(std::process::id()).ended,
        }
    }

    fn since(&self, before: &Self) -> Self {
        Self {
            server: self.server - before.server,
            postgres: self.postgres - before.postgres,
            wrk: self.wrk - before.wrk,
        }
    }
}

fn report(bench: &mut Bench, load: &Load, used: &Times) {
    let rate = load.requests_per_second;
    let is_clean = load.errors == 0;
    bench.report.row(
        &format!("one hot SKU, PostgreSQL, through HTTP, {CONNECTIONS} connections"),
        format!("{rate:.0}/s acknowledged durable"),
        format!("{} answers were errors", load.errors),
        "≥ 10,000/s",
        Some(is_clean && rate >= LEAST_PER_SECOND),
    );
    bench.report.row(
        "the same, p99",
        format!("{:.1} ms", load.p99_ms),
        format!("p50 {:.1} ms", load.p50_ms),
        "≤ 100 ms",
        Some(is_clean && load.p99_ms <= LONGEST_P99_MS),
    );
    let total = used.server + used.postgres + used.wrk;
    let line = |name: &str, seconds: f64| {
        let (share, micros) = (seconds / total * 100.0, seconds / load.requests * 1e6);
        format!("| {name} | {seconds:.1} s | {share:.0} % | {micros:.0} µs |\n")
    };
    let table = [
        line("server", used.server),
        line("PostgreSQL, all its processes", used.postgres),
        line("wrk", used.wrk),
        line("together", total),
    ];
    let head = "| process | processor time | share | per reservation |\n|---|---|---|---|\n";
    let text = head.to_owned() + &table.concat();
    bench.report.section("Where the time of HTTP goes", &text);
}
