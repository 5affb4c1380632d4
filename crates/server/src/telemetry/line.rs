use std::fmt::Write as _;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;
use stanchion_kernel::Timestamp;
use tracing::Level;

use crate::config::LogFormat;

/// The longest line in bytes; what is longer is cut.
const MAX_LINE_BYTES: usize = 16 * 1024;

/// One log line before it is written.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// When it happened.
    pub at: Timestamp,
    /// How much it matters.
    pub level: Level,
    /// The module that says it.
    pub target: &'a str,
    /// What happened.
    pub message: &'a str,
    /// The details, by name.
    pub fields: &'a [(&'static str, Value)],
    /// What is known of the request or task that it happened in, by name.
    pub context: &'a [(&'static str, String)],
}

impl Line<'_> {
    /// The line with its line break, at most 16 KiB.
    #[must_use]
    pub fn format(&self, format: LogFormat) -> Vec<u8> {
        let mut line = match format {
            LogFormat::Text => self.text(),
            LogFormat::Json => self.json(),
        };
        line.push('\n');
        line.into_bytes()
    }

    fn text(&self) -> String {
        let mut line = format!("{} {:>5} {}: ", self.at, self.level, self.target);
        line.push_str(&printable(self.message));
        for (name, value) in self.fields {
            let value = match value {
                Value::String(text) if is_word(text) => text.clone(),
                other => other.to_string(),
            };
            // Writing to a string cannot fail.
            let _ = write!(line, " {name}={value}");
        }
        for (name, value) in self.context {
            let _ = write!(line, " {name}={}", printable(value));
        }
        cut(&mut line, MAX_LINE_BYTES - 1);
        line
    }

    fn json(&self) -> String {
        let whole = Object(self).to_string();
        if whole.len() < MAX_LINE_BYTES {
            return whole;
        }
        // Half a JSON object is of no use: the fields go, and the message is cut.
        let mut message = self.message.to_owned();
        cut(&mut message, MAX_LINE_BYTES / 8);
        let short = Line {
            message: &message,
            fields: &[("truncated", Value::Bool(true))],
            ..self.clone()
        };
        Object(&short).to_string()
    }
}

/// A line as a JSON object, with what a reader looks for first in front.
struct Object<'a>(&'a Line<'a>);

impl std::fmt::Display for Object<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| std::fmt::Error)?)
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let line = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("timestamp", &line.at)?;
        map.serialize_entry("level", line.level.as_str())?;
        map.serialize_entry("target", line.target)?;
        map.serialize_entry("message", line.message)?;
        for (name, value) in line.context {
            map.serialize_entry(name, value)?;
        }
        if !line.fields.is_empty() {
            map.serialize_entry("fields", &Fields(line.fields))?;
        }
        map.end()
    }
}

struct Fields<'a>(&'a [(&'static str, Value)]);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// A terminal must not be steered by what a client sent, and a line must stay one line.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_graphic() && !matches!(c, '"' | '=' | '\\'))
}

fn cut(text: &mut String, bytes: usize) {
    if text.len() > bytes {
        text.truncate(text.floor_char_boundary(bytes.saturating_sub(3)));
        text.push('…');
    }
}
