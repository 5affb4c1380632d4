use toml::de::{DeTable, DeValue};

use super::error::{Finding, Origin};
use super::key::Key;
use super::value::Value;

/// Reads a TOML text: hands every known key to `set` and the rest to `findings`.
pub(super) fn read(
    text: &str,
    mut set: impl FnMut(&'static Key, Value, Origin),
    findings: &mut Vec<Finding>,
) {
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            // The error's own display quotes the line, which may hold a password.
            findings.push(Finding {
                origin: line_at(text, error.span().map_or(0, |span| span.start)),
                message: format!("not TOML: {}", error.message().replace('\n', ", ")),
            });
            return;
        }
    };
    for (section, value) in table.get_ref() {
        let name = section.get_ref();
        let at = line_at(text, section.span().start);
        if !is_section(name) {
            findings.push(Finding {
                origin: at,
                message: unknown_section(name),
            });
        } else if let DeValue::Table(entries) = value.get_ref() {
            read_section(text, name, entries, &mut set, findings);
        } else {
            findings.push(Finding {
                origin: at,
                message: format!("`{name}` is a section: write [{name}] and its keys below"),
            });
        }
    }
}

fn read_section(
    text: &str,
    section: &str,
    entries: &DeTable<'_>,
    set: &mut impl FnMut(&'static Key, Value, Origin),
    findings: &mut Vec<Finding>,
) {
    for (entry, value) in entries {
        let name = format!("{section}.{}", entry.get_ref());
        let origin = line_at(text, entry.span().start);
        match super::keys().find(|key| key.name == name) {
            Some(key) => set(key, Value::from_toml(value.get_ref()), origin),
            None => findings.push(Finding {
                origin,
                message: unknown(&name),
            }),
        }
    }
}

/// The message for a key that does not exist, naming the nearest one that does.
pub(super) fn unknown(name: &str) -> String {
    let nearest = nearest(name, super::keys().map(|key| key.name));
    format!("unknown key `{}`; the nearest is `{nearest}`", clip(name))
}

fn unknown_section(name: &str) -> String {
    // A key that stands outside of its section is a common slip.
    if let Some(key) = super::keys().find(|key| key.name.ends_with(&format!(".{name}"))) {
        return format!("unknown key `{name}`; the nearest is `{}`", key.name);
    }
    let sections = super::keys().filter_map(|key| key.name.split('.').next());
    let nearest = nearest(name, sections);
    format!(
        "unknown section `{}`; the nearest is [{nearest}]",
        clip(name)
    )
}

pub(super) fn nearest<'a>(name: &str, among: impl Iterator<Item = &'a str>) -> &'a str {
    let name = clip(name);
    among
        .max_by(|a, b| strsim::jaro_winkler(&name, a).total_cmp(&strsim::jaro_winkler(&name, b)))
        .unwrap_or_default()
}

/// Names are for a person to read; nobody needs more of one than this.
fn clip(name: &str) -> String {
    let printable = name.chars().take(80);
    printable
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

fn is_section(name: &str) -> bool {
    super::keys().any(|key| key.name.split('.').next() == Some(name))
}

fn line_at(text: &str, offset: usize) -> Origin {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    Origin::File { line }
}
