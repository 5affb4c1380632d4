//! JSON bodies, read strictly: one document, no member twice, no unknown members, errors by JSON Pointer.

mod pointer;
mod unique;

use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::problem::{Problem, ProblemKind};

/// Reads a document.
///
/// # Errors
/// `invalid-json` for what is not one JSON document in UTF-8, is nested more than 127 deep, or has a member twice;
/// `validation` with the pointer to the culprit for one that has another form than `T`.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    unique::check(body)?;
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let pointer = pointer::of(error.path());
        match error.inner().classify() {
            Category::Data => Problem::invalid(pointer, message(error.inner())),
            _ => syntax(error.inner()),
        }
    })
}

/// Where and how the text stops being JSON.
fn syntax(error: &serde_json::Error) -> Problem {
    Problem::new(ProblemKind::InvalidJson)
        .detail(message(error))
        .with("line", error.line())
        .with("column", error.column())
}

/// The error without its place, which is said apart.
fn message(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place)
        .map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::Value;
    use std::collections::BTreeMap;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its form matters")]
    struct Shelf {
        name: String,
        #[serde(default)]
        boxes: Vec<Packed>,
        #[serde(default)]
        labels: BTreeMap<String, String>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its form matters")]
    struct Packed {
        weight: i64,
    }

    fn refused(body: &str) -> Value {
        let problem = parse::<Shelf>(body.as_bytes()).unwrap_err();
        serde_json::from_slice(&problem.to_json("r")).unwrap()
    }

    #[test]
    fn wrong_types_and_unknown_members_are_named_by_their_pointer() {
        for (body, pointer) in [
            (
                r#"{"name":"a","boxes":[{"weight":1},{"weight":"x"}]}"#,
                "/boxes/1/weight",
            ),
            (
                r#"{"name":"a","boxes":[{"weight":99999999999999999999}]}"#,
                "/boxes/0/weight",
            ),
            (r#"{"name":"a","labels":{"a/b~":1}}"#, "/labels/a~1b~0"),
            (r#"{"name":"a","colour":"red"}"#, "/colour"),
            (r#"{"boxes":[]}"#, ""),
            ("[]", ""),
        ] {
            let problem = refused(body);
            assert_eq!(problem["type"], "/problems/validation", "{body}");
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{body}");
        }
    }

    #[test]
    fn a_member_that_comes_twice_is_refused_wherever_it_is() {
        for (body, pointer) in [
            (r#"{"name":"a","name":"b"}"#, "/name"),
            (
                r#"{"name":"a","labels":{"k":"1","\u006b":"2"}}"#,
                "/labels/k",
            ),
            (
                r#"{"name":"a","boxes":[{"weight":1},{"weight":1,"weight":2}]}"#,
                "/boxes/1/weight",
            ),
        ] {
            let problem = refused(body);
            assert_eq!(problem["type"], "/problems/invalid-json", "{body}");
            assert!(
                problem["detail"].as_str().unwrap().contains(pointer),
                "{problem}"
            );
        }
    }

    #[test]
    fn what_is_not_one_document_is_refused_with_its_place() {
        for body in [
            "",
            "{",
            "{\"name\":\"a\"} {}",
            "{\"name\":\"a\",}",
            "nul",
            "\"\u{0}\"",
        ] {
            let problem = refused(body);
            assert_eq!(problem["type"], "/problems/invalid-json", "{body:?}");
            assert!(problem["line"].is_u64() && problem["column"].is_u64());
        }
        let not_utf8 = parse::<Value>(b"{\"name\":\"\xff\"}").unwrap_err();
        assert_eq!(not_utf8.kind(), ProblemKind::InvalidJson);
    }

    #[test]
    fn deep_nesting_is_refused_before_it_costs_a_stack() {
        let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse::<Value>(deep(127).as_bytes()).is_ok());
        assert_eq!(
            parse::<Value>(deep(128).as_bytes()).unwrap_err().kind(),
            ProblemKind::InvalidJson
        );
        assert_eq!(
            parse::<Value>("[".repeat(500_000).as_bytes())
                .unwrap_err()
                .kind(),
            ProblemKind::InvalidJson
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse::<Shelf>(&body);
        }
    }
}
