//! The rules for compose.yml: pinned images, health checks, secrets from outside, no root for what is ours.

use serde_json::{Map, Value};

use super::unpinned;

pub(super) fn objections(text: &str) -> Vec<String> {
    let document: Value = match serde_saphyr::from_str(text) {
        Ok(document) => document,
        Err(error) => return vec![format!("is no YAML: {error}")],
    };
    let Some(services) = document["services"]
        .as_object()
        .filter(|services| !services.is_empty())
    else {
        return vec!["has no services".to_owned()];
    };
    services
        .iter()
        .flat_map(|(name, service)| {
            let found = service_objections(service, services);
            found.into_iter().map(move |what| format!("{name}: {what}"))
        })
        .collect()
}

fn service_objections(service: &Value, services: &Map<String, Value>) -> Vec<String> {
    let mut objections = Vec::new();
    match (service["image"].as_str(), service.get("build")) {
        (Some(image), None) => objections.extend(unpinned(image)),
        (_, Some(_)) => {}
        (None, None) => objections.push("has neither image nor build".to_owned()),
    }
    if service["healthcheck"].get("test").is_none() {
        objections.push("has no health check".to_owned());
    }
    if service["privileged"] == Value::Bool(true) {
        objections.push("is privileged".to_owned());
    }
    if service.get("build").is_some() && service["user"].as_str().is_some_and(is_root) {
        objections.push("runs as root".to_owned());
    }
    objections.extend(dependency_objections(&service["depends_on"], services));
    objections.extend(secret_objections(&service["environment"]));
    objections
}

fn is_root(user: &str) -> bool {
    matches!(user.split(':').next(), Some("root" | "0"))
}

/// A service is waited for until it is healthy, not until its process was started.
fn dependency_objections(wanted: &Value, services: &Map<String, Value>) -> Vec<String> {
    if wanted.is_null() {
        return Vec::new();
    }
    let Some(wanted) = wanted.as_object() else {
        return vec!["depends on services without a condition".to_owned()];
    };
    let mut objections = Vec::new();
    for (name, how) in wanted {
        if !services.contains_key(name) {
            objections.push(format!("depends on {name}, which is no service"));
        }
        if how["condition"] != "service_healthy" {
            objections.push(format!("does not wait until {name} is healthy"));
        }
    }
    objections
}

fn secret_objections(environment: &Value) -> Vec<String> {
    let Some(variables) = environment.as_object() else {
        return Vec::new();
    };
    let is_secret = |name: &str| {
        let name = name.to_ascii_uppercase();
        ["PASSWORD", "SECRET", "TOKEN"]
            .iter()
            .any(|word| name.contains(word))
            && !name.ends_with("_FILE")
    };
    variables
        .iter()
        .filter(|(name, value)| {
            is_secret(name) && !value.as_str().is_some_and(|text| text.starts_with("${"))
        })
        .map(|(name, _)| format!("{name} is written down; take it from the environment"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
services:
  postgres:
    image: postgres:15.14-bookworm
    environment:
      POSTGRES_PASSWORD: ${POSTGRES_PASSWORD:?set it}
    healthcheck:
      test: ["CMD", "pg_isready"]
  stanchion:
    build: ..
    user: "10001:10001"
    depends_on:
      postgres:
        condition: service_healthy
    healthcheck:
      test: ["CMD", "stanchion", "health"]
"#;

    #[test]
    fn a_good_file_passes() {
        assert_eq!(objections(GOOD), [""; 0]);
    }

    #[test]
    fn each_rule_is_broken_alone() {
        for (from, to, word) in [
            ("postgres:15.14-bookworm", "postgres:latest", "came last"),
            (
                "${POSTGRES_PASSWORD:?set it}",
                "hunter2",
                "POSTGRES_PASSWORD",
            ),
            ("\"10001:10001\"", "root", "root"),
            ("service_healthy", "service_started", "healthy"),
            (
                "    healthcheck:\n      test: [\"CMD\", \"pg_isready\"]\n",
                "",
                "health check",
            ),
            ("    build: ..\n", "", "neither"),
            (
                "    build: ..\n",
                "    build: ..\n    privileged: true\n",
                "privileged",
            ),
            ("services:", "service:", "no services"),
            ("services:", "services: {", "no YAML"),
        ] {
            let found = objections(&GOOD.replace(from, to));
            assert_eq!(found.len(), 1, "{to}: {found:?}");
            assert!(found[0].contains(word), "{found:?}");
        }
    }
}
