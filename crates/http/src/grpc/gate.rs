use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use metrics::{Unit, counter, describe_counter};
use tokio::sync::Semaphore;
use tonic::Status;

use crate::held::Held;

/// Bounds how many calls are being answered, and how long each may take to begin its answer, its message included. One
/// more is refused, nothing waits.
#[derive(Clone)]
pub(super) struct Gate {
    places: Arc<Semaphore>,
    timeout: Duration,
}

impl Gate {
    pub(super) fn new(most: usize, timeout: Duration) -> Self {
        let places = Arc::new(Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS)));
        Self { places, timeout }
    }
}

pub(super) fn describe() {
    describe_counter!(
        "stanchion_rls_refused_total",
        Unit::Count,
        "Calls of the gRPC surface that found no place or took too long, by reason"
    );
}

pub(super) async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let Ok(place) = gate.places.try_acquire_owned() else {
        return refuse(
            "crowded",
            Status::resource_exhausted("too many calls at a time"),
        );
    };
    match tokio::time::timeout(gate.timeout, next.run(request)).await {
        Ok(response) => Held::hold(response, place),
        Err(_) => refuse(
            "late",
            Status::deadline_exceeded("the answer took too long"),
        ),
    }
}

fn refuse(reason: &'static str, status: Status) -> Response {
    counter!("stanchion_rls_refused_total", "reason" => reason).increment(1);
    status.into_http()
}
