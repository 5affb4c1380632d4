//! Limits: where their buckets are, what the configuration sets, and which of them stand in front of routes.

use std::sync::Arc;

use anyhow::Context as _;
use stanchion_http::RouteLimit;
use stanchion_limiter::port::Backend;
use stanchion_limiter::registry::Registry;
use stanchion_limiter::{Limit, Limiter};
use stanchion_store::Store;

use crate::commands::Session;
use crate::config::{Callers, LimitEntry, Per};

/// The limits of this server.
pub(crate) struct Limits {
    /// All that can be asked.
    pub(crate) registry: Registry,
    /// Those in front of the routes.
    pub(crate) in_front: Vec<RouteLimit>,
}

/// The limits of the configuration and of the database.
pub(crate) async fn open(
    session: &Session,
    store: &Store,
    buckets: Arc<dyn Backend>,
) -> anyhow::Result<Limits> {
    let section = &session.config.limiter;
    let (mut fixed, mut in_front) = (Vec::new(), Vec::new());
    for entry in section.limits.iter().filter(|entry| entry.enabled) {
        let limit = entry.limit(section.servers);
        let limit = limit.with_context(|| format!("the limit `{}`", entry.name))?;
        in_front.extend(route_limit(entry, &limit).filter(|_| section.enabled));
        fixed.push(limit);
    }
    let limiter = Limiter::timed(buckets, session.clock.clone());
    let registry = Registry::new(store, limiter, fixed);
    registry.reload().await?;
    Ok(Limits { registry, in_front })
}

fn route_limit(entry: &LimitEntry, limit: &Limit) -> Option<RouteLimit> {
    let per = match entry.per {
        Per::Client => stanchion_http::Per::Client,
        Per::Key => stanchion_http::Per::Key,
        Per::Route => stanchion_http::Per::Route,
        Per::Global => stanchion_http::Per::Global,
        Per::Check => return None,
    };
    Some(RouteLimit {
        limit: Arc::new(limit.clone()),
        per,
        callers: match entry.callers {
            Callers::Anonymous => stanchion_http::Callers::Anonymous,
            Callers::Authenticated => stanchion_http::Callers::Authenticated,
            Callers::All => stanchion_http::Callers::All,
        },
        routes: entry.routes.clone(),
    })
}
