//! Envoy's rate limit service on buckets in memory, asked over gRPC from another process.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::ensure;
use axum::http::uri::PathAndQuery;
use serde::Serialize;
use stanchion_http::grpc::messages::{
    Code, Entry, RateLimitDescriptor, RateLimitRequest, RateLimitResponse, SHOULD_RATE_LIMIT,
};
use stanchion_http::grpc::{RateLimit, RateLimitConfig, Rule, RuleEntry, Rules};
use stanchion_http::{HttpConfig, Listener};
use stanchion_kernel::Clock;
use stanchion_limiter::port::{Memory, MemoryConfig};
use stanchion_limiter::{Limit, Limiter, Rate};
use stanchion_testkit::Program;
use tokio_util::sync::CancellationToken;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

use super::Bench;
use crate::load;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Where to listen.
    #[arg(long)]
    listen: SocketAddr,
}

const DOMAIN: &str = "shop";
const ENTRY: &str = "remote_address";
const KEYS: usize = 250;
const CONNECTIONS: usize = 4;
const OUTSTANDING: [usize; 2] = [64, 256];
const START: Duration = Duration::from_secs(30);
const TARGET: f64 = 20_000.0;

/// What was measured with so many calls outstanding.
#[derive(Serialize)]
struct Measured {
    outstanding: usize,
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
}

/// The service, until it is killed.
pub(crate) async fn serve(options: &Options) -> anyhow::Result<()> {
    let limit = Limit::new("addresses", Rate::per_second(1_000_000_000), 4_000_000_000)?;
    let limiter = Limiter::new(Arc::new(Memory::new(
        MemoryConfig::default(),
        Clock::system(),
    )));
    limiter.replace([limit]);
    let by_address = Rule {
        domain: DOMAIN.to_owned(),
        entries: vec![RuleEntry {
            key: ENTRY.to_owned(),
            value: None,
        }],
        limit: "addresses".to_owned(),
        by: None,
    };
    let rules = Rules::new(vec![by_address])?;
    let service = RateLimit::new(limiter, rules, RateLimitConfig::default());
    let listener = Listener::bind(options.listen, &HttpConfig::default()).await?;
    let stop = CancellationToken::new();
    service.serve(listener, stop.clone(), stop).await;
    Ok(())
}

pub(super) async fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    if !bench.wants("envoy") {
        return Ok(());
    }
    let listen = format!("127.0.0.1:{}", stanchion_testkit::free_port());
    let program = Program::new(std::env::current_exe()?);
    let _running = program.args(["limiter-envoy", "--listen", &listen]).start();
    let mut channels = Vec::new();
    for _ in 0..CONNECTIONS {
        channels.push(connect(&listen).await?);
    }
    let mut all = Vec::new();
    for outstanding in OUTSTANDING {
        let (channels, turn) = (channels.clone(), Arc::new(AtomicUsize::new(0)));
        let call = move |_| {
            let turn = turn.fetch_add(1, Ordering::Relaxed);
            let channel = channels[turn % CONNECTIONS].clone();
            async move { ask(channel, (turn % KEYS).to_string()).await }
        };
        let loaded = load::run(outstanding, bench.window, call).await?;
        ensure!(
            loaded.failures == 0,
            "{} calls were not admitted",
            loaded.failures
        );
        all.push(Measured {
            outstanding,
            per_second: loaded.per_second(),
            p50_ms: loaded.p50_ms,
            p99_ms: loaded.p99_ms,
        });
    }
    for measured in &all {
        let is_judged = Some(&measured.outstanding) == OUTSTANDING.last();
        bench.report.row(
            &format!(
                "Envoy's service over gRPC on memory, {} outstanding",
                measured.outstanding
            ),
            format!("{:.0} checks/s", measured.per_second),
            format!(
                "p50 {:.2} ms, p99 {:.2} ms; {CONNECTIONS} connections, the caller on the same machine",
                measured.p50_ms, measured.p99_ms
            ),
            if is_judged { "≥ 20,000/s" } else { "" },
            is_judged.then_some(measured.per_second >= TARGET),
        );
    }
    bench.report.data("envoy", &all)
}

/// A connection, once the service is up.
async fn connect(listen: &str) -> anyhow::Result<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{listen}"))?;
    let up = async {
        loop {
            if let Ok(channel) = endpoint.connect().await {
                return channel;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    Ok(tokio::time::timeout(START, up).await?)
}

async fn ask(channel: Channel, address: String) -> Result<(), Status> {
    let mut grpc = Grpc::new(channel);
    let unavailable = |error: tonic::transport::Error| Status::unavailable(error.to_string());
    grpc.ready().await.map_err(unavailable)?;
    let request = RateLimitRequest {
        domain: DOMAIN.to_owned(),
        descriptors: vec![RateLimitDescriptor {
            entries: vec![Entry {
                key: ENTRY.to_owned(),
                value: address,
            }],
            hits_addend: None,
            is_negative_hits: false,
        }],
        hits_addend: 0,
    };
    let path = PathAndQuery::from_static(SHOULD_RATE_LIMIT);
    let codec = ProstCodec::<RateLimitRequest, RateLimitResponse>::default();
    let answer = grpc.unary(Request::new(request), path, codec).await?;
    match answer.into_inner().overall_code() {
        Code::Ok => Ok(()),
        _ => Err(Status::resource_exhausted("over the limit")),
    }
}
