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
    /// The counter of those that were refused.
    refused: &'static str,
}

impl Gate {
    pub(super) fn new(most: usize, timeout: Duration, refused: &'static str) -> Self {
        let places = Arc::new(Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS)));
        Self {
            places,
            timeout,
            refused,
        }
    }
}

pub(super) fn describe(refused: &'static str) {
    describe_counter!(
        refused,
        Unit::Count,
        "Calls of a gRPC service that found no place or took too long, by reason"
    );
}

pub(super) async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let Ok(place) = gate.places.try_acquire_owned() else {
        return refuse(
            gate.refused,
            "crowded",
            Status::resource_exhausted("too many calls at a time"),
        );
    };
    match tokio::time::timeout(gate.timeout, next.run(request)).await {
        Ok(response) => Held::hold(response, place),
        Err(_) => refuse(
            gate.refused,
            "late",
            Status::deadline_exceeded("the answer took too long"),
        ),
    }
}

fn refuse(counter: &'static str, reason: &'static str, status: Status) -> Response {
    counter!(counter, "reason" => reason).increment(1);
    status.into_http()
}
