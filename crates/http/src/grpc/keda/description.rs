//! Describes the messages of [`messages`](super::messages) to clients that ask by reflection.

use prost_types::{
    DescriptorProto, FileDescriptorProto, FileDescriptorSet, MessageOptions, MethodDescriptorProto,
    ServiceDescriptorProto,
};

use crate::grpc::reflection::Of::{Flag, I64, Message, Real, Text};
use crate::grpc::reflection::{file, many, message, one};

const OBJECT: &str = ".externalscaler.ScaledObjectRef";

/// The one file.
pub(super) fn files() -> FileDescriptorSet {
    let spec = vec![
        one("metricName", 1, Text),
        one("targetSize", 2, I64),
        one("targetSizeFloat", 3, Real),
    ];
    let value = vec![
        one("metricName", 1, Text),
        one("metricValue", 2, I64),
        one("metricValueFloat", 3, Real),
    ];
    let asked = vec![
        one("scaledObjectRef", 1, Message(OBJECT)),
        one("metricName", 2, Text),
    ];
    let specs = many("metricSpecs", 1, Message(".externalscaler.MetricSpec"));
    let values = many("metricValues", 1, Message(".externalscaler.MetricValue"));
    let messages = vec![
        object(),
        message("IsActiveResponse", vec![one("result", 1, Flag)]),
        message("GetMetricSpecResponse", vec![specs]),
        message("MetricSpec", spec),
        message("GetMetricsRequest", asked),
        message("GetMetricsResponse", vec![values]),
        message("MetricValue", value),
    ];
    let file = FileDescriptorProto {
        service: vec![service()],
        ..file("externalscaler.proto", "externalscaler", &[], messages)
    };
    FileDescriptorSet { file: vec![file] }
}

/// A map is a list of entries, which a description has to name.
fn object() -> DescriptorProto {
    let entry = ".externalscaler.ScaledObjectRef.ScalerMetadataEntry";
    let pair = vec![one("key", 1, Text), one("value", 2, Text)];
    let fields = vec![
        one("name", 1, Text),
        one("namespace", 2, Text),
        many("scalerMetadata", 3, Message(entry)),
    ];
    DescriptorProto {
        nested_type: vec![DescriptorProto {
            options: Some(MessageOptions {
                map_entry: Some(true),
                ..MessageOptions::default()
            }),
            ..message("ScalerMetadataEntry", pair)
        }],
        ..message("ScaledObjectRef", fields)
    }
}

fn service() -> ServiceDescriptorProto {
    let method = |name: &str, input: &str, output: &str| MethodDescriptorProto {
        name: Some(name.to_owned()),
        input_type: Some(input.to_owned()),
        output_type: Some(output.to_owned()),
        ..MethodDescriptorProto::default()
    };
    let active = ".externalscaler.IsActiveResponse";
    let spec = ".externalscaler.GetMetricSpecResponse";
    let (ask, answer) = (
        ".externalscaler.GetMetricsRequest",
        ".externalscaler.GetMetricsResponse",
    );
    ServiceDescriptorProto {
        name: Some("ExternalScaler".to_owned()),
        method: vec![
            method("IsActive", OBJECT, active),
            MethodDescriptorProto {
                server_streaming: Some(true),
                ..method("StreamIsActive", OBJECT, active)
            },
            method("GetMetricSpec", OBJECT, spec),
            method("GetMetrics", ask, answer),
        ],
        options: None,
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::grpc::keda::messages;
    use crate::grpc::reflection::tests::assert_described;

    #[test]
    fn every_field_that_is_sent_is_described_and_no_other() {
        let name = || "n".to_owned();
        let object = messages::ScaledObjectRef {
            name: name(),
            namespace: name(),
            scaler_metadata: [(name(), name())].into(),
        };
        let asked = messages::GetMetricsRequest {
            scaled_object_ref: Some(object),
            metric_name: name(),
        };
        let spec = messages::MetricSpec {
            metric_name: name(),
            target_size: 1,
            target_size_float: 1.0,
        };
        let value = messages::MetricValue {
            metric_name: name(),
            metric_value: 1,
            metric_value_float: 1.0,
        };
        let specs = messages::GetMetricSpecResponse {
            metric_specs: vec![spec],
        };
        let values = messages::GetMetricsResponse {
            metric_values: vec![value],
        };
        let active = messages::IsActiveResponse { result: true };
        let sent = [
            ("GetMetricsRequest", asked.encode_to_vec()),
            ("GetMetricSpecResponse", specs.encode_to_vec()),
            ("GetMetricsResponse", values.encode_to_vec()),
            ("IsActiveResponse", active.encode_to_vec()),
        ];
        assert_described(&files(), ".externalscaler", &sent);
    }
}
