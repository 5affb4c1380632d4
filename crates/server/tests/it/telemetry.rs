use proptest::prelude::*;
use serde_json::{Value, json};
use stanchion::config::LogFormat;
use stanchion::telemetry::Line;
use stanchion_testkit::Clock;
use tracing::Level;

fn format(format: LogFormat, message: &str, fields: &[(&'static str, Value)]) -> String {
    let (clock, _) = Clock::manual("2026-11-24T03:04:05.000006Z".parse().expect("a time"));
    let line = Line {
        at: clock.now(),
        level: Level::WARN,
        target: "stanchion_http",
        message,
        fields,
        context: &[("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736".to_owned())],
    };
    String::from_utf8(line.format(format)).expect("a line is UTF-8")
}

#[test]
fn a_text_line_reads_from_left_to_right() {
    let line = format(
        LogFormat::Text,
        "slow request",
        &[("took_ms", json!(1200)), ("path", json!("/v1 x"))],
    );
    assert_eq!(
        line,
        "2026-11-24T03:04:05.000006Z  WARN stanchion_http: slow request took_ms=1200 path=\"/v1 x\" \
         trace_id=4bf92f3577b34da6a3ce929d0e0e4736\n"
    );
}

#[test]
fn a_json_line_is_one_object_with_the_trace_id_on_top() {
    let line = format(LogFormat::Json, "slow request", &[("took_ms", json!(1200))]);
    let object: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(
        object,
        json!({
            "timestamp": "2026-11-24T03:04:05.000006Z",
            "level": "WARN",
            "target": "stanchion_http",
            "message": "slow request",
            "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
            "fields": {"took_ms": 1200},
        })
    );
}

#[test]
fn a_huge_json_line_is_cut_and_stays_json() {
    let long = "x".repeat(100_000);
    let line = format(LogFormat::Json, &long, &[("body", json!(long))]);
    assert!(line.len() <= 16 * 1024, "{} bytes", line.len());
    let object: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(object["fields"]["truncated"], json!(true));
}

proptest! {
    #[test]
    fn a_line_is_always_one_line(message in any::<String>(), value in any::<String>()) {
        for form in [LogFormat::Text, LogFormat::Json] {
            let line = format(form, &message, &[("value", json!(value))]);
            prop_assert_eq!(line.matches('\n').count(), 1, "{}", line);
            prop_assert!(line.ends_with('\n'));
            prop_assert!(!line.contains('\u{1b}'), "no client steers a terminal");
        }
    }
}
