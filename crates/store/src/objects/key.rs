use std::fmt;
use std::str::FromStr;

/// The longest key, in bytes.
const MAX_KEY: usize = 200;

/// The name of an object: 1 to 200 lower-case letters, digits, `-`, `_` and `.`, in parts with `/` between them, none of which
/// is empty or begins with a dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey(String);

/// A text is no name of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an object's key has 1 to {MAX_KEY} lower-case letters, digits, `-`, `_` and `.`, in parts with `/` between them"
)]
pub struct NotAKey;

impl ObjectKey {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ObjectKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
        let is_part =
            |part: &str| !part.is_empty() && !part.starts_with('.') && part.bytes().all(is_plain);
        if text.len() <= MAX_KEY && text.split('/').all(is_part) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAKey)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_leads_out_of_the_store() {
        for key in ["a", "originals/0f", "media/ab/cd-1200.jpeg"] {
            assert_eq!(key.parse::<ObjectKey>().unwrap().to_string(), key);
        }
        let long = "a".repeat(MAX_KEY + 1);
        for key in [
            "", "/", "a/", "/a", "a//b", "../a", "a/..", ".a", "A", "a b", "a\\b", "ä", &long,
        ] {
            assert_eq!(key.parse::<ObjectKey>(), Err(NotAKey), "{key}");
        }
    }
}
