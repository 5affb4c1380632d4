use serde::{Deserialize, Serialize};

use super::key::{Key, Kind};

/// `[telemetry]`: logs and traces.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetrySection {
    /// The form of a log line.
    pub log: LogFormat,
    /// What is logged.
    pub level: String,
    /// Lines that may wait for a slow reader of the log.
    pub log_queue_lines: usize,
    /// The OTLP/HTTP endpoint that gets spans.
    pub otlp_export: Option<String>,
    /// How many of a hundred traces that start here are exported.
    pub otlp_sample_percent: u8,
    /// The `service.name` of exported spans.
    pub service_name: String,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For a person.
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for TelemetrySection {
    fn default() -> Self {
        Self {
            log: LogFormat::Text,
            level: "info".to_owned(),
            log_queue_lines: 4096,
            otlp_export: None,
            otlp_sample_percent: 100,
            service_name: "stanchion".to_owned(),
        }
    }
}

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "telemetry.log",
        kind: Kind::Choice(&["text", "json"]),
        about: "The form of a log line.",
    },
    Key {
        name: "telemetry.level",
        kind: Kind::Text,
        about: "What is logged: a level, or directives such as `info,stanchion_http=debug`.",
    },
    Key {
        name: "telemetry.log_queue_lines",
        kind: Kind::Integer {
            min: 16,
            max: 1_000_000,
        },
        about: "Lines that may wait for a slow reader of the log; more are dropped and counted.",
    },
    Key {
        name: "telemetry.otlp_export",
        kind: Kind::Url(&["https://", "http://"]),
        about: "The OTLP/HTTP endpoint that gets spans, as in `http://collector:4318`; unset: none. It needs a build with the feature `otlp`.",
    },
    Key {
        name: "telemetry.otlp_sample_percent",
        kind: Kind::Integer { min: 0, max: 100 },
        about: "How many of a hundred traces that start here are exported; a caller's choice wins.",
    },
    Key {
        name: "telemetry.service_name",
        kind: Kind::Text,
        about: "The `service.name` of exported spans.",
    },
];
