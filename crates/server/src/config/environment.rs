use super::error::{Finding, Origin};
use super::file::unknown;
use super::key::Key;
use super::value::Value;

/// What every variable of ours starts with.
const PREFIX: &str = "STANCHION_";

/// Reads `STANCHION_SECTION__KEY` variables; an empty value counts as not set.
///
/// Variables without the double underscore are not ours (Kubernetes sets `STANCHION_PORT` for a service of this
/// name), unless only the second underscore is missing.
pub(super) fn read(
    variables: impl IntoIterator<Item = (String, String)>,
    mut set: impl FnMut(&'static Key, Value, Origin),
    findings: &mut Vec<Finding>,
) {
    for (name, text) in variables {
        let Some(path) = name.strip_prefix(PREFIX) else {
            continue;
        };
        if text.trim().is_empty() {
            continue;
        }
        let found = super::keys().find(|key| key.variable() == name);
        let origin = Origin::Environment(name.clone());
        if let Some(key) = found {
            set(key, Value::from_text(&text, &key.kind), origin);
        } else if path.contains("__") {
            let message = unknown(&path.to_ascii_lowercase().replacen("__", ".", 1));
            findings.push(Finding { origin, message });
        } else if let Some(key) =
            super::keys().find(|key| key.variable().replace("__", "_") == name)
        {
            let message = format!("did you mean {}, with two underscores?", key.variable());
            findings.push(Finding { origin, message });
        }
    }
}
