//! The OpenAPI document is in the repository and is one. A test of `http` compares it with the handlers.

use serde_json::Value;

use super::File;
use crate::breach::Breach;

const PATH: &str = "docs/openapi.json";

pub(super) fn check(files: &[File]) -> Vec<Breach> {
    if !files
        .iter()
        .any(|file| file.path == "crates/http/Cargo.toml")
    {
        return Vec::new();
    }
    let document = files.iter().find(|file| file.path == PATH);
    objection(document)
        .map(|what| Breach::new(PATH, what))
        .into_iter()
        .collect()
}

fn objection(document: Option<&File>) -> Option<String> {
    let Some(document) = document else {
        return Some("is missing; run: cargo xtask openapi".to_owned());
    };
    let value: Value = match serde_json::from_str(&document.text) {
        Ok(value) => value,
        Err(error) => return Some(format!("is no JSON: {error}")),
    };
    let version = value["openapi"].as_str().unwrap_or_default();
    if !version.starts_with("3.1") {
        return Some(format!("is of OpenAPI {version:?}, not 3.1"));
    }
    let has_paths = value["paths"]
        .as_object()
        .is_some_and(|paths| !paths.is_empty());
    (!has_paths).then(|| "describes no path".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::file;

    fn breaches(text: Option<&str>) -> usize {
        let mut files = vec![file("crates/http/Cargo.toml", "")];
        files.extend(text.map(|text| file(PATH, text)));
        check(&files).len()
    }

    #[test]
    fn a_document_of_3_1_with_paths_passes() {
        let text = r#"{"openapi": "3.1.0", "paths": {"/healthz": {}}}"#;
        assert_eq!(breaches(Some(text)), 0);
    }

    #[test]
    fn a_missing_broken_old_or_empty_document_is_a_breach() {
        assert_eq!(breaches(None), 1);
        assert_eq!(breaches(Some("{")), 1);
        assert_eq!(
            breaches(Some(r#"{"openapi": "3.0.0", "paths": {"/": {}}}"#)),
            1
        );
        assert_eq!(breaches(Some(r#"{"openapi": "3.1.0", "paths": {}}"#)), 1);
    }
}
