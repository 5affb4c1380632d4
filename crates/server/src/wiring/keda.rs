//! KEDA's external scaler over the queue.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use stanchion_http::grpc::keda::{Keda, KedaConfig};
use stanchion_http::{HttpConfig, Listener};
use tokio_util::sync::CancellationToken;

use super::jobs::Queues;
use crate::commands::Session;

/// So many looks may be missed before figures are too old.
const LOOKS: u64 = 30;

/// Binds the scaler's address, if it has one. What is answered serves until `stop`.
pub(crate) async fn scaler(
    session: &Session,
    queues: &Queues,
    stop: CancellationToken,
) -> anyhow::Result<BoxFuture<'static, ()>> {
    let section = &session.config.jobs;
    let Some(address) = section.keda_listen else {
        return Ok(std::future::ready(()).boxed());
    };
    let listener = Listener::bind(address, &HttpConfig::default()).await?;
    let address = listener.local_addr()?;
    tracing::info!(%address, "KEDA's external scaler listens");
    let config = KedaConfig {
        look_ms: section.look_ms,
        stale_ms: section.look_ms.saturating_mul(LOOKS),
        ..KedaConfig::default()
    };
    let clock = session.clock.clone();
    let keda = Keda::new(queues.jobs.port().clone(), clock, config, stop);
    Ok(async move {
        let drained = keda.serve(listener).await;
        tracing::debug!(?drained, "KEDA's external scaler stopped");
    }
    .boxed())
}
