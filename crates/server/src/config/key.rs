use std::net::SocketAddr;

use super::redact::{HIDDEN, redact_url};
use super::value::Value;

/// One key of the configuration.
#[derive(Debug)]
pub struct Key {
    /// Section and key, as in `server.listen`.
    pub name: &'static str,
    /// The values that it takes.
    pub kind: Kind,
    /// What it does, one sentence for the reference.
    pub about: &'static str,
}

/// The values that a key takes.
#[derive(Debug)]
pub enum Kind {
    /// Any text that is not empty.
    Text,
    /// `address:port`.
    Address,
    /// The path of a file.
    Path,
    /// `sqlite:PATH` or `postgres://…`; its password is never printed.
    DatabaseUrl,
    /// A URL that starts with one of these schemes.
    Url(&'static [&'static str]),
    /// A path, or a URL with `https://` or `http://`.
    PathOrUrl,
    /// A secret of 32 characters or more; never printed.
    Secret,
    /// `true` or `false`.
    Boolean,
    /// A whole number from `min` to `max`.
    Integer {
        /// The smallest value.
        min: u64,
        /// The largest value.
        max: u64,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of IP networks, as in `10.0.0.0/8`.
    Networks,
    /// A list of web origins, as in `https://shop.example`.
    Origins,
    /// A list of URLs, each with one of these schemes; their passwords are never printed.
    Urls(&'static [&'static str]),
    /// A list of hosts with ports, as in `10.0.0.1:7946`.
    Hosts,
    /// Tables that describe limits.
    Limits,
    /// Tables that put Envoy's descriptors under limits.
    Rules,
}

const HTTP: &[&str] = &["https://", "http://"];
const DATABASES: &[&str] = &["sqlite:", "postgres://", "postgresql://"];

impl Key {
    /// The environment variable that overrides this key.
    #[must_use]
    pub fn variable(&self) -> String {
        let upper = self.name.to_ascii_uppercase().replacen('.', "__", 1);
        format!("STANCHION_{upper}")
    }

    /// The value as messages may show it.
    pub(super) fn show(&self, value: &Value) -> String {
        match (&self.kind, value) {
            (Kind::DatabaseUrl | Kind::Url(_) | Kind::PathOrUrl, Value::Text(text)) => {
                format!("\"{}\"", redact_url(text))
            }
            (Kind::Urls(_), Value::List(urls)) => {
                let shown: Vec<String> = urls.iter().map(|url| redact_url(url)).collect();
                format!("{shown:?}")
            }
            (Kind::Secret | Kind::Urls(_), _) => HIDDEN.to_owned(),
            _ => value.to_string(),
        }
    }

    /// Whether `value` is one that this key takes.
    pub(super) fn accepts(&self, value: &Value) -> bool {
        match (&self.kind, value) {
            (Kind::Text | Kind::Path, Value::Text(text)) => is_plain(text),
            (Kind::Address, Value::Text(text)) => text.parse::<SocketAddr>().is_ok(),
            (Kind::DatabaseUrl, Value::Text(text)) => starts_with_any(text, DATABASES),
            (Kind::Url(schemes), Value::Text(text)) => starts_with_any(text, schemes),
            (Kind::PathOrUrl, Value::Text(text)) => {
                is_plain(text) && (!text.contains("://") || starts_with_any(text, HTTP))
            }
            (Kind::Secret, Value::Text(text)) => text.len() >= 32 && is_plain(text),
            (Kind::Boolean, Value::Boolean(_)) => true,
            (Kind::Integer { min, max }, Value::Integer(number)) => {
                u64::try_from(*number).is_ok_and(|n| (*min..=*max).contains(&n))
            }
            (Kind::Choice(words), Value::Text(text)) => words.contains(&text.as_str()),
            (Kind::Networks, Value::List(items)) => items
                .iter()
                .all(|item| item.parse::<ipnet::IpNet>().is_ok()),
            (Kind::Origins, Value::List(items)) => items.iter().all(|item| is_origin(item)),
            (Kind::Urls(schemes), Value::List(items)) => {
                items.iter().all(|item| starts_with_any(item, schemes))
            }
            (Kind::Hosts, Value::List(items)) => items.iter().all(|item| is_host(item)),
            (Kind::Limits | Kind::Rules, Value::List(items)) => items.is_empty(),
            (Kind::Limits | Kind::Rules, Value::Tables(_)) => true,
            _ => false,
        }
    }
}

impl Kind {
    /// The values in words, to follow "must be".
    #[must_use]
    pub fn expected(&self) -> String {
        match self {
            Self::Text => "a text that is not empty".to_owned(),
            Self::Address => "an address and a port, as in \"127.0.0.1:8080\"".to_owned(),
            Self::Path => "the path of a file".to_owned(),
            Self::DatabaseUrl => "\"sqlite:PATH\" or \"postgres://user@host/name\"".to_owned(),
            Self::Url(schemes) => format!("a URL that starts with {}", schemes.join(" or ")),
            Self::PathOrUrl => "the path of a file, or a URL with https:// or http://".to_owned(),
            Self::Secret => "a text of 32 characters or more".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Self::Choice(words) => format!("one of {}", words.join(", ")),
            Self::Networks => "a list of IP networks, as in [\"10.0.0.0/8\"]".to_owned(),
            Self::Urls(schemes) => {
                format!("a list of URLs that start with {}", schemes.join(" or "))
            }
            Self::Hosts => "a list of hosts with ports, as in [\"10.0.0.1:7946\"]".to_owned(),
            Self::Rules => "a list of tables, each with `domain`, `entries` and `limit`".to_owned(),
            Self::Limits => {
                "a list of tables, each with `name`, `rate`, `burst` and `per`".to_owned()
            }
            Self::Origins => {
                "a list of origins, as in [\"https://shop.example\"], or [\"*\"]".to_owned()
            }
        }
    }

    /// Whether the value is a list.
    pub(super) fn is_list(&self) -> bool {
        matches!(
            self,
            Self::Networks
                | Self::Origins
                | Self::Urls(_)
                | Self::Hosts
                | Self::Limits
                | Self::Rules
        )
    }
}

fn is_plain(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains('\0')
}

fn starts_with_any(text: &str, starts: &[&str]) -> bool {
    is_plain(text)
        && starts.iter().any(|start| {
            text.strip_prefix(start)
                .is_some_and(|rest| !rest.is_empty())
        })
}

fn is_host(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| {
        let is_name = |byte: u8| byte.is_ascii_graphic() && byte != b'/';
        !host.is_empty() && host.bytes().all(is_name) && port.parse::<u16>().is_ok_and(|n| n > 0)
    })
}

fn is_origin(text: &str) -> bool {
    text == "*"
        || HTTP.iter().any(|scheme| {
            text.strip_prefix(scheme).is_some_and(|host| {
                !host.is_empty() && host.bytes().all(|b| b.is_ascii_graphic() && b != b'/')
            })
        })
}
