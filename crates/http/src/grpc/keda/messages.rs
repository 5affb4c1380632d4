//! The messages of KEDA's `externalscaler.ExternalScaler`, as they are on the wire. `description.rs` describes exactly these.

use std::collections::HashMap;

use prost::Message;

/// The service's full name.
pub const SERVICE: &str = "externalscaler.ExternalScaler";

/// The path of its method that says whether there is anything to do.
pub const IS_ACTIVE: &str = "/externalscaler.ExternalScaler/IsActive";
/// The path of its method that goes on saying so.
pub const STREAM_IS_ACTIVE: &str = "/externalscaler.ExternalScaler/StreamIsActive";
/// The path of its method that names the metric and its target.
pub const GET_METRIC_SPEC: &str = "/externalscaler.ExternalScaler/GetMetricSpec";
/// The path of its method that tells the metric.
pub const GET_METRICS: &str = "/externalscaler.ExternalScaler/GetMetrics";

/// Who asks, and with which settings.
#[derive(Clone, PartialEq, Message)]
pub struct ScaledObjectRef {
    /// The name of the scaled object.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its namespace.
    #[prost(string, tag = "2")]
    pub namespace: String,
    /// The metadata of its trigger.
    #[prost(map = "string, string", tag = "3")]
    pub scaler_metadata: HashMap<String, String>,
}

/// Whether there is anything to do.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct IsActiveResponse {
    /// There is.
    #[prost(bool, tag = "1")]
    pub result: bool,
}

/// The metrics that there are.
#[derive(Clone, PartialEq, Message)]
pub struct GetMetricSpecResponse {
    /// Each of them.
    #[prost(message, repeated, tag = "1")]
    pub metric_specs: Vec<MetricSpec>,
}

/// A metric and its target.
#[derive(Clone, PartialEq, Message)]
pub struct MetricSpec {
    /// Its name.
    #[prost(string, tag = "1")]
    pub metric_name: String,
    /// How much of it each replica is to have.
    #[prost(int64, tag = "2")]
    pub target_size: i64,
    /// The same, for who reads fractions.
    #[prost(double, tag = "3")]
    pub target_size_float: f64,
}

/// Asks for a metric.
#[derive(Clone, PartialEq, Message)]
pub struct GetMetricsRequest {
    /// Who asks.
    #[prost(message, optional, tag = "1")]
    pub scaled_object_ref: Option<ScaledObjectRef>,
    /// The name of the metric.
    #[prost(string, tag = "2")]
    pub metric_name: String,
}

/// The values of metrics.
#[derive(Clone, PartialEq, Message)]
pub struct GetMetricsResponse {
    /// Each of them.
    #[prost(message, repeated, tag = "1")]
    pub metric_values: Vec<MetricValue>,
}

/// The value of a metric.
#[derive(Clone, PartialEq, Message)]
pub struct MetricValue {
    /// Its name, as it was asked for.
    #[prost(string, tag = "1")]
    pub metric_name: String,
    /// Its value, rounded up.
    #[prost(int64, tag = "2")]
    pub metric_value: i64,
    /// Its value, for who reads fractions.
    #[prost(double, tag = "3")]
    pub metric_value_float: f64,
}
