use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Request, Response, StatusCode};

use super::{Refusal, add_fields};
use crate::LimiterError;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// The answer to a request that is not let through: an HTTP status, or for gRPC a status in the head, with no body.
pub(super) fn answer<B, R: Default>(request: &Request<B>, refusal: Refusal) -> Response<R> {
    let mut response = Response::new(R::default());
    let (status, grpc_status) = statuses(&refusal);
    let is_grpc = request
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(GRPC.as_bytes()));
    let headers = response.headers_mut();
    if is_grpc {
        headers.insert(CONTENT_TYPE, GRPC);
        headers.insert(GRPC_STATUS, HeaderValue::from(grpc_status));
    }
    match &refusal {
        Refusal::Limits(verdict) => {
            add_fields(verdict, headers);
            let seconds = verdict.retry_after_seconds().unwrap_or(1);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        Refusal::Error(error) if error.is_out_of_reach() => {
            headers.insert(RETRY_AFTER, HeaderValue::from(1));
        }
        Refusal::Error(_) => {}
    }
    if !is_grpc {
        *response.status_mut() = status;
    }
    response.extensions_mut().insert(refusal);
    response
}

/// As HTTP and as gRPC say it. A key or a cost comes from the request; what else is wrong with questions is this
/// program's own fault.
fn statuses(refusal: &Refusal) -> (StatusCode, u16) {
    match refusal {
        Refusal::Limits(_) => (StatusCode::TOO_MANY_REQUESTS, 8),
        Refusal::Error(error) if error.is_out_of_reach() => (StatusCode::SERVICE_UNAVAILABLE, 14),
        Refusal::Error(LimiterError::Key | LimiterError::Cost { .. }) => {
            (StatusCode::BAD_REQUEST, 3)
        }
        Refusal::Error(_) => (StatusCode::INTERNAL_SERVER_ERROR, 13),
    }
}
