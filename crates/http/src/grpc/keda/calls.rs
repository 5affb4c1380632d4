//! The four calls.

use std::pin::Pin;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use futures_util::Stream;
use futures_util::stream::unfold;
use metrics::{Unit, counter, describe_counter};
use tokio::sync::watch;
use tonic::Status;
use tonic::server::Grpc;
use tonic_prost::ProstCodec;
use tower::service_fn;

use super::Keda;
use super::board::Known;
use super::messages::{
    GetMetricSpecResponse, GetMetricsRequest, GetMetricsResponse, IsActiveResponse, MetricSpec,
    MetricValue, ScaledObjectRef,
};
use super::wish::Wish;

/// The one metric: how many replicas there should be. One for each is the target, so that no target has to be thought of again
/// when jobs take longer.
const WORKERS: &str = "workers";
const EACH: i64 = 1;

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

pub(super) fn describe() {
    describe_counter!(
        "stanchion_keda_requests_total",
        Unit::Count,
        "Calls of KEDA, by method and by whether they were answered"
    );
}

/// Answers a call of one message with one.
macro_rules! unary {
    ($name:ident, $asked:ty => $answer:ty, $answered_by:path) => {
        pub(super) async fn $name(State(keda): State<Keda>, request: Request) -> Response {
            let codec = ProstCodec::<$answer, $asked>::default();
            let most = keda.config().max_message_bytes;
            let mut grpc = Grpc::new(codec).max_decoding_message_size(most);
            let call = service_fn(|request: tonic::Request<$asked>| {
                let answered = counted(
                    stringify!($name),
                    $answered_by(&keda, &request.into_inner()),
                );
                async move { answered.map(tonic::Response::new) }
            });
            grpc.unary(call, request).await.map(Body::new)
        }
    };
}

unary!(is_active, ScaledObjectRef => IsActiveResponse, active);
unary!(get_metric_spec, ScaledObjectRef => GetMetricSpecResponse, spec);
unary!(get_metrics, GetMetricsRequest => GetMetricsResponse, values);

fn counted<T>(call: &'static str, answered: Result<T, Status>) -> Result<T, Status> {
    let outcome = match &answered {
        Ok(_) => "ok",
        Err(status) if status.code() == tonic::Code::InvalidArgument => "invalid",
        Err(_) => "failed",
    };
    counter!("stanchion_keda_requests_total", "call" => call, "outcome" => outcome).increment(1);
    answered
}

fn known(keda: &Keda, object: &ScaledObjectRef) -> Result<Known, Status> {
    keda.read(&Wish::read(&object.scaler_metadata)?)
}

fn active(keda: &Keda, object: &ScaledObjectRef) -> Result<IsActiveResponse, Status> {
    let result = known(keda, object)?.is_active;
    Ok(IsActiveResponse { result })
}

/// It does not depend on the load, and what means nothing is refused here already.
fn spec(_keda: &Keda, object: &ScaledObjectRef) -> Result<GetMetricSpecResponse, Status> {
    Wish::read(&object.scaler_metadata)?;
    let spec = MetricSpec {
        metric_name: WORKERS.to_owned(),
        target_size: EACH,
        target_size_float: EACH as f64,
    };
    Ok(GetMetricSpecResponse {
        metric_specs: vec![spec],
    })
}

fn values(keda: &Keda, asked: &GetMetricsRequest) -> Result<GetMetricsResponse, Status> {
    let Some(object) = &asked.scaled_object_ref else {
        return Err(Status::invalid_argument(
            "nobody asks: there is no scaled object",
        ));
    };
    let workers = known(keda, object)?.workers;
    let value = MetricValue {
        metric_name: asked.metric_name.clone(),
        metric_value: rounded_up(workers),
        metric_value_float: workers,
    };
    Ok(GetMetricsResponse {
        metric_values: vec![value],
    })
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a cast of a float stops at the ends of its numbers"
)]
fn rounded_up(number: f64) -> i64 {
    number.ceil() as i64
}

pub(super) async fn stream_is_active(State(keda): State<Keda>, request: Request) -> Response {
    let codec = ProstCodec::<IsActiveResponse, ScaledObjectRef>::default();
    let most = keda.config().max_message_bytes;
    let mut grpc = Grpc::new(codec).max_decoding_message_size(most);
    let call = service_fn(|request: tonic::Request<ScaledObjectRef>| {
        let object = request.into_inner();
        let wish = counted("stream_is_active", Wish::read(&object.scaler_metadata));
        let keda = keda.clone();
        async move { wish.map(|wish| tonic::Response::new(changes(keda, wish))) }
    });
    grpc.server_streaming(call, request).await.map(Body::new)
}

/// Who listens to changes.
struct Listening {
    keda: Keda,
    wish: Wish,
    looks: watch::Receiver<()>,
    last: Option<bool>,
}

/// Whether there is anything to do, now and at every change, until the server stops. While it is not known nothing is said.
fn changes(keda: Keda, wish: Wish) -> Answers<IsActiveResponse> {
    let looks = keda.looks();
    let listening = Listening {
        keda,
        wish,
        looks,
        last: None,
    };
    Box::pin(unfold(listening, |mut listening| async move {
        let result = listening.next().await?;
        Some((Ok(IsActiveResponse { result }), listening))
    }))
}

impl Listening {
    async fn next(&mut self) -> Option<bool> {
        loop {
            self.looks.mark_unchanged();
            if let Ok(known) = self.keda.read(&self.wish)
                && self.last != Some(known.is_active)
            {
                self.last = Some(known.is_active);
                return self.last;
            }
            let stop = self.keda.stop().clone();
            stop.run_until_cancelled(self.looks.changed()).await?.ok()?;
        }
    }
}
