//! `grpc.health.v1.Health`: serving, until the server is about to stop.

use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::messages::SERVICE;

/// The server as a whole, by the protocol.
const ALL: &str = "";

/// Serving from now on.
pub(super) async fn begin(reporter: &HealthReporter) {
    set(reporter, ServingStatus::Serving).await;
}

/// Not serving from the first of both; at `stop` those who watch are told, and then let go.
pub(super) async fn end(
    mut reporter: HealthReporter,
    draining: CancellationToken,
    stop: CancellationToken,
) {
    tokio::select! {
        () = draining.cancelled() => {}
        () = stop.cancelled() => {}
    }
    set(&reporter, ServingStatus::NotServing).await;
    stop.cancelled().await;
    // A stream that never ends would keep its connection until the time to drain is over.
    for service in [ALL, SERVICE] {
        reporter.clear_service_status(service).await;
    }
}

async fn set(reporter: &HealthReporter, status: ServingStatus) {
    for service in [ALL, SERVICE] {
        reporter.set_service_status(service, status).await;
    }
}
