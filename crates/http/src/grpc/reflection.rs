//! Describes the messages of [`messages`](super::messages) to clients that ask by reflection, and has the words for other
//! descriptions.
//!
//! The files have their public names and hold what is read and written here, and no more: a client that makes its messages
//! from the description cannot set what nobody would read.

use axum::Router;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, EnumValueDescriptorProto, FieldDescriptorProto,
    FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto, ServiceDescriptorProto,
};
use tonic_reflection::server::Builder;

const RLS: &str = "envoy/service/ratelimit/v3/rls.proto";
const DESCRIPTOR: &str = "envoy/extensions/common/ratelimit/v3/ratelimit.proto";
const BASE: &str = "envoy/config/core/v3/base.proto";
const DURATION: &str = "google/protobuf/duration.proto";
const WRAPPERS: &str = "google/protobuf/wrappers.proto";

/// What a field holds.
#[derive(Clone, Copy)]
pub(super) enum Of {
    Text,
    Real,
    Flag,
    U32,
    U64,
    I32,
    I64,
    Message(&'static str),
    Enumeration(&'static str),
}
use Of::{Enumeration, Flag, I32, I64, Message, Real, Text, U32, U64};

/// Answers about these files, in messages of at most so many bytes.
pub(super) fn router(files: &FileDescriptorSet, max_message_bytes: usize) -> Router {
    let builder = || Builder::configure().register_file_descriptor_set(files.clone());
    let mut router = Router::new();
    // Neither fails for the files of this crate, as a test shows, and no other call needs them.
    if let Ok(service) = builder().build_v1() {
        let service = service.max_decoding_message_size(max_message_bytes);
        let path = "/grpc.reflection.v1.ServerReflection/{method}";
        router = router.route_service(path, service);
    }
    if let Ok(service) = builder().build_v1alpha() {
        let service = service.max_decoding_message_size(max_message_bytes);
        let path = "/grpc.reflection.v1alpha.ServerReflection/{method}";
        router = router.route_service(path, service);
    }
    router
}

/// All files, each after those that it imports.
pub(super) fn files() -> FileDescriptorSet {
    let duration = vec![message(
        "Duration",
        vec![one("seconds", 1, I64), one("nanos", 2, I32)],
    )];
    let wrappers = vec![message("UInt64Value", vec![one("value", 1, U64)])];
    let base = vec![message(
        "HeaderValue",
        vec![one("key", 1, Text), one("value", 2, Text)],
    )];
    FileDescriptorSet {
        file: vec![
            file(DURATION, "google.protobuf", &[], duration),
            file(WRAPPERS, "google.protobuf", &[], wrappers),
            file(BASE, "envoy.config.core.v3", &[], base),
            file(
                DESCRIPTOR,
                "envoy.extensions.common.ratelimit.v3",
                &[WRAPPERS],
                vec![descriptor()],
            ),
            FileDescriptorProto {
                service: vec![service()],
                ..file(
                    RLS,
                    "envoy.service.ratelimit.v3",
                    &[BASE, DESCRIPTOR, DURATION],
                    vec![request(), response()],
                )
            },
        ],
    }
}

fn descriptor() -> DescriptorProto {
    let entry = ".envoy.extensions.common.ratelimit.v3.RateLimitDescriptor.Entry";
    let fields = vec![
        many("entries", 1, Message(entry)),
        one("hits_addend", 3, Message(".google.protobuf.UInt64Value")),
        one("is_negative_hits", 4, Flag),
    ];
    DescriptorProto {
        nested_type: vec![message(
            "Entry",
            vec![one("key", 1, Text), one("value", 2, Text)],
        )],
        ..message("RateLimitDescriptor", fields)
    }
}

fn request() -> DescriptorProto {
    let descriptor = ".envoy.extensions.common.ratelimit.v3.RateLimitDescriptor";
    let fields = vec![
        one("domain", 1, Text),
        many("descriptors", 2, Message(descriptor)),
        one("hits_addend", 3, U32),
    ];
    message("RateLimitRequest", fields)
}

fn response() -> DescriptorProto {
    let code = ".envoy.service.ratelimit.v3.RateLimitResponse.Code";
    let status = ".envoy.service.ratelimit.v3.RateLimitResponse.DescriptorStatus";
    let limit = ".envoy.service.ratelimit.v3.RateLimitResponse.RateLimit";
    let unit = ".envoy.service.ratelimit.v3.RateLimitResponse.RateLimit.Unit";
    let header = ".envoy.config.core.v3.HeaderValue";
    let fields = vec![
        one("overall_code", 1, Enumeration(code)),
        many("statuses", 2, Message(status)),
        many("response_headers_to_add", 3, Message(header)),
    ];
    let limit_fields = vec![
        one("requests_per_unit", 1, U32),
        one("unit", 2, Enumeration(unit)),
        one("name", 3, Text),
    ];
    let status_fields = vec![
        one("code", 1, Enumeration(code)),
        one("current_limit", 2, Message(limit)),
        one("limit_remaining", 3, U32),
        one(
            "duration_until_reset",
            4,
            Message(".google.protobuf.Duration"),
        ),
    ];
    let units = [
        "UNKNOWN", "SECOND", "MINUTE", "HOUR", "DAY", "MONTH", "YEAR", "WEEK",
    ];
    DescriptorProto {
        nested_type: vec![
            DescriptorProto {
                enum_type: vec![enumeration("Unit", &units)],
                ..message("RateLimit", limit_fields)
            },
            message("DescriptorStatus", status_fields),
        ],
        enum_type: vec![enumeration("Code", &["UNKNOWN", "OK", "OVER_LIMIT"])],
        ..message("RateLimitResponse", fields)
    }
}

fn service() -> ServiceDescriptorProto {
    let method = MethodDescriptorProto {
        name: Some("ShouldRateLimit".to_owned()),
        input_type: Some(".envoy.service.ratelimit.v3.RateLimitRequest".to_owned()),
        output_type: Some(".envoy.service.ratelimit.v3.RateLimitResponse".to_owned()),
        ..MethodDescriptorProto::default()
    };
    ServiceDescriptorProto {
        name: Some("RateLimitService".to_owned()),
        method: vec![method],
        options: None,
    }
}

pub(super) fn file(
    name: &str,
    package: &str,
    imports: &[&str],
    messages: Vec<DescriptorProto>,
) -> FileDescriptorProto {
    FileDescriptorProto {
        name: Some(name.to_owned()),
        package: Some(package.to_owned()),
        dependency: imports.iter().map(|name| (*name).to_owned()).collect(),
        message_type: messages,
        syntax: Some("proto3".to_owned()),
        ..FileDescriptorProto::default()
    }
}

pub(super) fn message(name: &str, fields: Vec<FieldDescriptorProto>) -> DescriptorProto {
    DescriptorProto {
        name: Some(name.to_owned()),
        field: fields,
        ..DescriptorProto::default()
    }
}

pub(super) fn one(name: &str, number: i32, of: Of) -> FieldDescriptorProto {
    field(name, number, of, Label::Optional)
}

pub(super) fn many(name: &str, number: i32, of: Of) -> FieldDescriptorProto {
    field(name, number, of, Label::Repeated)
}

fn field(name: &str, number: i32, of: Of, label: Label) -> FieldDescriptorProto {
    let (kind, type_name) = match of {
        Text => (Type::String, None),
        Real => (Type::Double, None),
        Flag => (Type::Bool, None),
        U32 => (Type::Uint32, None),
        U64 => (Type::Uint64, None),
        I32 => (Type::Int32, None),
        I64 => (Type::Int64, None),
        Message(name) => (Type::Message, Some(name.to_owned())),
        Enumeration(name) => (Type::Enum, Some(name.to_owned())),
    };
    FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        label: Some(label.into()),
        r#type: Some(kind.into()),
        type_name,
        ..FieldDescriptorProto::default()
    }
}

/// Values are numbered from 0.
fn enumeration(name: &str, values: &[&str]) -> EnumDescriptorProto {
    let value = |(name, number): (&&str, i32)| EnumValueDescriptorProto {
        name: Some((*name).to_owned()),
        number: Some(number),
        options: None,
    };
    EnumDescriptorProto {
        name: Some(name.to_owned()),
        value: values.iter().zip(0..).map(value).collect(),
        ..EnumDescriptorProto::default()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;

    use prost::Message as _;
    use prost::encoding::{WireType, decode_key, decode_varint};

    use super::*;
    use crate::grpc::messages;

    /// All messages by their full names.
    fn described(files: &FileDescriptorSet) -> Vec<(String, DescriptorProto)> {
        let mut found = Vec::new();
        for file in &files.file {
            let package = format!(".{}", file.package());
            let mut left: Vec<_> = file
                .message_type
                .iter()
                .map(|it| (package.clone(), it))
                .collect();
            while let Some((outer, message)) = left.pop() {
                let name = format!("{outer}.{}", message.name());
                left.extend(message.nested_type.iter().map(|it| (name.clone(), it)));
                found.push((name, message.clone()));
            }
        }
        found
    }

    /// Reads `bytes` by the description of `name` and notes every field that it finds.
    fn read(files: &FileDescriptorSet, name: &str, mut bytes: &[u8], seen: &mut BTreeSet<String>) {
        let all = described(files);
        let (_, message) = all.iter().find(|(known, _)| known == name).unwrap();
        while !bytes.is_empty() {
            let (number, wire) = decode_key(&mut bytes).unwrap();
            let is_it = |field: &&FieldDescriptorProto| field.number().cast_unsigned() == number;
            let field = message.field.iter().find(is_it);
            let field = field.unwrap_or_else(|| panic!("{name} has no field {number}"));
            seen.insert(format!("{name}.{}", field.name()));
            if field.r#type() == Type::Double {
                assert_eq!(wire, WireType::SixtyFourBit, "{name} {number}");
                bytes = &bytes[8..];
                continue;
            }
            let length = decode_varint(&mut bytes).unwrap();
            match field.r#type() {
                Type::String | Type::Message => {
                    assert_eq!(wire, WireType::LengthDelimited, "{name} {number}");
                    let (inside, rest) = bytes.split_at(usize::try_from(length).unwrap());
                    bytes = rest;
                    if field.r#type() == Type::Message {
                        read(files, field.type_name(), inside, seen);
                    }
                }
                _ => assert_eq!(wire, WireType::Varint, "{name} {number}"),
            }
        }
    }

    fn request() -> messages::RateLimitRequest {
        let entry = messages::Entry {
            key: "k".to_owned(),
            value: "v".to_owned(),
        };
        let descriptor = messages::RateLimitDescriptor {
            entries: vec![entry],
            hits_addend: Some(2),
            is_negative_hits: true,
        };
        messages::RateLimitRequest {
            domain: "d".to_owned(),
            descriptors: vec![descriptor],
            hits_addend: 3,
        }
    }

    fn response() -> messages::RateLimitResponse {
        let limit = messages::CurrentLimit {
            requests_per_unit: 1,
            unit: messages::Unit::Week.into(),
            name: "n".to_owned(),
        };
        let status = messages::DescriptorStatus {
            code: messages::Code::Ok.into(),
            current_limit: Some(limit),
            limit_remaining: 4,
            duration_until_reset: Some(prost_types::Duration {
                seconds: 5,
                nanos: 6,
            }),
        };
        messages::RateLimitResponse {
            overall_code: messages::Code::OverLimit.into(),
            statuses: vec![status],
            response_headers_to_add: vec![messages::HeaderValue {
                key: "k".to_owned(),
                value: "v".to_owned(),
            }],
        }
    }

    #[test]
    fn every_field_that_is_sent_is_described_and_no_other() {
        let sent = [
            ("RateLimitRequest", request().encode_to_vec()),
            ("RateLimitResponse", response().encode_to_vec()),
        ];
        assert_described(&files(), ".envoy.service.ratelimit.v3", &sent);
    }

    /// Checks that the files describe every field that is in messages of the package, and no other.
    pub(in crate::grpc) fn assert_described(
        files: &FileDescriptorSet,
        package: &str,
        sent: &[(&str, Vec<u8>)],
    ) {
        let mut seen = BTreeSet::new();
        for (name, bytes) in sent {
            read(files, &format!("{package}.{name}"), bytes, &mut seen);
        }
        let all = described(files).into_iter();
        let all = all.flat_map(|(name, message)| {
            let fields = message.field.into_iter();
            fields.map(move |field| format!("{name}.{}", field.name()))
        });
        assert_eq!(seen, all.collect());
    }

    #[test]
    fn the_values_of_enumerations_have_the_numbers_that_are_sent() {
        let all = described(&files());
        let values = |name: &str| {
            let found = all.iter().flat_map(|(_, message)| &message.enum_type);
            let found = found.clone().find(|it| it.name() == name).unwrap();
            let values = found.value.clone().into_iter();
            values.map(|it| (it.name().to_owned(), it.number()))
        };
        let sent = |value: &dyn std::fmt::Debug| format!("{value:?}").to_uppercase();
        for (name, number) in values("Unit") {
            let unit = messages::Unit::try_from(number).unwrap();
            assert_eq!(sent(&unit), name);
        }
        for (name, number) in values("Code") {
            let code = messages::Code::try_from(number).unwrap();
            assert_eq!(sent(&code), name.replace('_', ""));
        }
    }
}
