//! What a request pays for its limit: the question, the decision on leased tokens, the metrics and the fields of the answer.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::ensure;
use axum::http::{Request, Response};
use stanchion_kernel::Clock;
use stanchion_limiter::port::{
    Backend, MemoryConfig, NearCache, NearCacheConfig, Shadow, WithFallback,
};
use stanchion_limiter::tower::LimitLayer;
use stanchion_limiter::{Ask, Limit, Limiter, Question, Rate};
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

use super::Bench;
use super::local::{FIRST, leased, middle};
use crate::load::number;

/// Requests of one sample.
const SAMPLE: u32 = 1_000;
const SAMPLES: usize = 301;
/// Clients that take turns.
const CLIENTS: u32 = 64;
const NETWORK: u32 = u32::from_be_bytes([203, 0, 113, 0]);

pub(super) async fn measure(bench: &mut Bench) -> anyhow::Result<()> {
    if !bench.wants("request") {
        return Ok(());
    }
    let clock = Clock::system();
    let limit = Limit::new("searches", Rate::per_second(1_000_000_000), 4_000_000_000)?;
    let limit = Arc::new(limit);
    let limiter = Limiter::timed(stack(&clock)?, clock.clone());
    for n in 0..CLIENTS {
        for _ in 0..2 {
            limiter
                .check(&[Ask::new(&limit, &client(n), FIRST)?])
                .await?;
        }
    }
    let asked = AtomicU32::new(0);
    let extract = move |_: &Request<()>| {
        let n = asked.fetch_add(1, Ordering::Relaxed);
        vec![Question::new(&limit, client(n % CLIENTS))]
    };
    let bare = service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(())));
    let mut limited = LimitLayer::new(limiter, extract).layer(bare);
    let mut bare = bare;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..SAMPLES {
        with.push(sample(&clock, &mut limited).await?);
        without.push(sample(&clock, &mut bare).await?);
    }
    let (with, without) = (middle(&mut with), middle(&mut without));
    let paid_us = (with - without) / 1e3;
    bench.report.row(
        "a request, what it pays for a limit with leases",
        format!("{paid_us:.2} µs"),
        format!("{with:.0} ns with it, {without:.0} ns without"),
        "< 2 µs",
        Some(paid_us < 2.0),
    );
    Ok(())
}

/// An address, as the key of a limit for each client.
fn client(n: u32) -> String {
    Ipv4Addr::from(NETWORK + n).to_string()
}

/// What stands in front of leases in the server.
fn stack(clock: &Clock) -> anyhow::Result<Arc<dyn Backend>> {
    let near = NearCache::new(
        Arc::new(leased(clock)?),
        NearCacheConfig::default(),
        clock.clone(),
    );
    let falling_back = WithFallback::new(Arc::new(near), MemoryConfig::default(), clock.clone());
    Ok(Arc::new(Shadow::new(Arc::new(falling_back))))
}

/// Nanoseconds of a request, all of which must be let through.
async fn sample<S>(clock: &Clock, service: &mut S) -> anyhow::Result<f64>
where
    S: Service<Request<()>, Response = Response<()>, Error = Infallible>,
{
    let began = clock.monotonic();
    for _ in 0..SAMPLE {
        let answer = service.ready().await?.call(Request::new(())).await?;
        ensure!(
            answer.status().is_success(),
            "a request was not let through"
        );
    }
    Ok((clock.monotonic() - began).as_secs_f64() * 1e9 / number(SAMPLE.into()))
}
