//! `grpc.health.v1.Health`: serving, until the server is about to stop.

use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

/// The server as a whole, by the protocol.
const ALL: &str = "";

/// Serving from now on.
pub(super) async fn begin(reporter: &HealthReporter, service: &str) {
    set(reporter, service, ServingStatus::Serving).await;
}

/// Not serving from the first of both; at `stop` those who watch are told, and then let go.
pub(super) async fn end(
    mut reporter: HealthReporter,
    service: &str,
    draining: CancellationToken,
    stop: CancellationToken,
) {
    tokio::select! {
        () = draining.cancelled() => {}
        () = stop.cancelled() => {}
    }
    set(&reporter, service, ServingStatus::NotServing).await;
    stop.cancelled().await;
    // A stream that never ends would keep its connection until the time to drain is over.
    for service in [ALL, service] {
        reporter.clear_service_status(service).await;
    }
}

async fn set(reporter: &HealthReporter, service: &str, status: ServingStatus) {
    for service in [ALL, service] {
        reporter.set_service_status(service, status).await;
    }
}
