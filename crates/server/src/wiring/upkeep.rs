//! What a server does beside answering: follow the feed, prune, sample.

use std::time::Duration;

use metrics::gauge;
use metrics_exporter_prometheus::PrometheusHandle;
use stanchion_http::auth::Authenticator;
use stanchion_limiter::port::Leased;
use stanchion_limiter::registry::Registry;
use stanchion_stock::Stock;
use stanchion_store::{Backend, Store};

use super::{buckets, stock};
use crate::background::Background;
use crate::commands::Session;
use crate::pictures::{Gallery, leftovers, sweep};

/// How often old feed rows and idempotency keys are deleted.
const PRUNE_EVERY: Duration = Duration::from_secs(60);
/// How often the pool is looked at and histograms are folded.
const SAMPLE_EVERY: Duration = Duration::from_secs(5);

/// What there is to keep up.
type Parts<'a> = (
    &'a Store,
    &'a Stock,
    &'a Gallery,
    &'a Registry,
    Option<&'a Leased>,
);

/// Starts all of it.
pub(crate) fn start(
    background: &Background,
    session: &Session,
    (store, stock, gallery, limits, leased): Parts<'_>,
    auth: &Authenticator,
    metrics: &PrometheusHandle,
) {
    let keys = auth.keys().clone();
    background.run("keys", move || {
        let keys = keys.clone();
        async move {
            let Err(error) = keys.follow().await;
            tracing::warn!(%error, "the change feed cannot be opened");
        }
    });
    let limits = limits.clone();
    background.run("limits", move || {
        let limits = limits.clone();
        async move {
            let Err(error) = limits.follow().await;
            tracing::warn!(%error, "the change feed cannot be opened");
        }
    });
    if let Some(leased) = leased.cloned() {
        background.run("leases", move || buckets::give_back_ending(leased.clone()));
    }
    if session.config.auth.jwks.is_some() {
        let auth = auth.clone();
        background.run("jwks", move || {
            let auth = auth.clone();
            async move { auth.follow().await }
        });
    }
    let pruned = store.clone();
    background.run("prune", move || prune(pruned.clone()));
    let sweep_every = Duration::from_millis(session.config.stock.sweep_ms);
    let swept = stock.clone();
    background.run("stock-sweep", move || {
        stock::sweep(swept.clone(), sweep_every)
    });
    let sweep_every = Duration::from_millis(session.config.media.sweep_ms);
    let swept = gallery.clone();
    background.run("picture-sweep", move || {
        sweep::sweep(swept.clone(), sweep_every)
    });
    let tidied = gallery.clone();
    background.run("unfinished-objects", move || {
        leftovers::tidy_objects(tidied.clone())
    });
    let pruned = stock.clone();
    background.run("stock-prune", move || stock::prune(pruned.clone()));
    start_anywhere(background, (store, gallery), metrics);
}

/// Starts what workers need that do not serve, as much as servers.
pub(crate) fn start_anywhere(
    background: &Background,
    (store, gallery): (&Store, &Gallery),
    metrics: &PrometheusHandle,
) {
    let tidied = gallery.clone();
    background.run("leftovers", move || leftovers::tidy(tidied.clone()));
    let (sampled, metrics) = (store.clone(), metrics.clone());
    background.run("sample", move || sample(sampled.clone(), metrics.clone()));
}

async fn prune(store: Store) {
    let mut ticks = tokio::time::interval(PRUNE_EVERY);
    loop {
        ticks.tick().await;
        match store.prune_feed().await {
            Ok(rows) => tracing::debug!(rows, "old changes were deleted"),
            Err(error) => tracing::warn!(%error, "old changes cannot be deleted"),
        }
        match store.prune_idempotency_keys().await {
            Ok(rows) => tracing::debug!(rows, "old idempotency keys were deleted"),
            Err(error) => tracing::warn!(%error, "old idempotency keys cannot be deleted"),
        }
    }
}

/// Looks at the pool and folds histograms, for ever.
async fn sample(store: Store, metrics: PrometheusHandle) {
    let mut ticks = tokio::time::interval(SAMPLE_EVERY);
    loop {
        ticks.tick().await;
        metrics.run_upkeep();
        if let Backend::Postgres(postgres) = store.backend() {
            let (open, idle) = (postgres.pool().size(), postgres.pool().num_idle());
            let idle = u32::try_from(idle).unwrap_or(u32::MAX);
            gauge!("stanchion_db_pool_connections", "state" => "idle").set(f64::from(idle));
            gauge!("stanchion_db_pool_connections", "state" => "used")
                .set(f64::from(open.saturating_sub(idle)));
        }
    }
}
