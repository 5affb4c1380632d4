use std::fmt;

use toml::de::{DeInteger, DeValue};

use super::key::Kind;

/// A value as one layer gave it, before its key judges it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Boolean(bool),
    List(Vec<String>),
    Tables(Vec<toml::Table>),
    /// A TOML type that no key takes; the text names it.
    Other(&'static str),
}

impl Value {
    /// From a parsed TOML file.
    pub(super) fn from_toml(value: &DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::Text(text.clone().into_owned()),
            DeValue::Integer(number) => {
                integer(number).map_or(Self::Other("a number that is too large"), Self::Integer)
            }
            DeValue::Boolean(truth) => Self::Boolean(*truth),
            DeValue::Array(items) if items.iter().any(|item| item.get_ref().is_table()) => items
                .iter()
                .map(|item| table(item.get_ref()))
                .collect::<Option<Vec<_>>>()
                .map_or(
                    Self::Other("a list of tables and something else"),
                    Self::Tables,
                ),
            DeValue::Array(items) => items
                .iter()
                .map(|item| item.get_ref().as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>()
                .map_or(
                    Self::Other("a list of something else than texts"),
                    Self::List,
                ),
            other => Self::Other(other.type_str()),
        }
    }

    /// From an environment variable or a flag: the key's kind says how to read it.
    ///
    /// What cannot be read as that kind stays a text, which the key then refuses.
    pub(super) fn from_text(text: &str, kind: &Kind) -> Self {
        let text = text.trim();
        match kind {
            Kind::Boolean => text
                .parse()
                .map_or_else(|_| Self::Text(text.to_owned()), Self::Boolean),
            Kind::Integer { .. } => text
                .replace('_', "")
                .parse()
                .map_or_else(|_| Self::Text(text.to_owned()), Self::Integer),
            _ if kind.is_list() => list(text),
            _ => Self::Text(text.to_owned()),
        }
    }

    /// As the typed sections are read from it.
    pub(super) fn into_toml(self) -> toml::Value {
        match self {
            Self::Text(text) => toml::Value::String(text),
            Self::Integer(number) => toml::Value::Integer(number),
            Self::Boolean(truth) => toml::Value::Boolean(truth),
            Self::List(items) => {
                toml::Value::Array(items.into_iter().map(toml::Value::String).collect())
            }
            Self::Tables(tables) => {
                toml::Value::Array(tables.into_iter().map(toml::Value::Table).collect())
            }
            Self::Other(what) => toml::Value::String(what.to_owned()),
        }
    }
}

/// Either TOML syntax or items with commas between them.
fn list(text: &str) -> Value {
    if text.starts_with('[') {
        return DeValue::parse(text).map_or_else(
            |_| Value::Text(text.to_owned()),
            |value| Value::from_toml(value.get_ref()),
        );
    }
    let items = text.split(',').map(str::trim);
    Value::List(
        items
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect(),
    )
}

/// A table with all that is in it. `None` for what is none, or holds what no number can be.
fn table(value: &DeValue<'_>) -> Option<toml::Table> {
    match plain(value)? {
        toml::Value::Table(table) => Some(table),
        _ => None,
    }
}

fn plain(value: &DeValue<'_>) -> Option<toml::Value> {
    Some(match value {
        DeValue::String(text) => toml::Value::String(text.clone().into_owned()),
        DeValue::Integer(number) => toml::Value::Integer(integer(number)?),
        DeValue::Boolean(truth) => toml::Value::Boolean(*truth),
        DeValue::Float(number) => toml::Value::Float(number.as_str().parse().ok()?),
        DeValue::Datetime(moment) => toml::Value::Datetime(*moment),
        DeValue::Array(items) => {
            let items = items.iter().map(|item| plain(item.get_ref()));
            toml::Value::Array(items.collect::<Option<_>>()?)
        }
        DeValue::Table(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| Some((key.get_ref().to_string(), plain(value.get_ref())?)));
            toml::Value::Table(entries.collect::<Option<_>>()?)
        }
    })
}

fn integer(number: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Boolean(truth) => write!(f, "{truth}"),
            Self::List(items) => write!(f, "{items:?}"),
            Self::Tables(tables) => write!(f, "{} tables", tables.len()),
            Self::Other(what) => f.write_str(what),
        }
    }
}
