//! The table of `docs/configuration.md`.

use super::{Config, keys};

/// A Markdown table of every key: default, variable, values, meaning.
#[must_use]
pub fn markdown() -> String {
    let defaults = toml::Table::try_from(Config::default()).unwrap_or_default();
    let mut text = String::new();
    let mut section = "";
    for key in keys() {
        let (head, tail) = key.name.split_once('.').unwrap_or(("", key.name));
        if head != section {
            section = head;
            text.push_str(&format!(
                "\n## `[{section}]`\n\n| key | default | values | meaning |\n|---|---|---|---|\n"
            ));
        }
        let default = defaults.get(head).and_then(|section| section.get(tail));
        let default = default.map_or_else(|| "unset".to_owned(), |value| format!("`{value}`"));
        text.push_str(&format!(
            "| `{tail}`<br>`{}` | {default} | {} | {} |\n",
            key.variable(),
            key.kind.expected(),
            key.about
        ));
    }
    text
}
