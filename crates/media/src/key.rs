use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Encoding;

const ORIGINAL: &str = "o-";
const RENDITION: &str = "r-";

/// The BLAKE3 hash of an original's bytes. Written as 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// Of bytes that are all there.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl FromStr for ContentHash {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(InvalidKey);
        }
        let hash = blake3::Hash::from_hex(text).map_err(|_not_hex| InvalidKey)?;
        Ok(Self(*hash.as_bytes()))
    }
}

impl From<ContentHash> for String {
    fn from(hash: ContentHash) -> Self {
        hash.to_string()
    }
}

impl TryFrom<String> for ContentHash {
    type Error = InvalidKey;

    fn try_from(text: String) -> Result<Self, InvalidKey> {
        text.parse()
    }
}

/// Hashes an original while it streams by.
#[derive(Clone, Debug, Default)]
pub struct Hasher(blake3::Hasher);

impl Hasher {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of all bytes so far.
    #[must_use]
    pub fn finish(&self) -> ContentHash {
        ContentHash(*self.0.finalize().as_bytes())
    }
}

/// The name of a stored object: one segment of a path, of ASCII letters, digits, `-` and `.`.
///
/// An original may tell where it was taken, and its key says that it is one: only renditions are for everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Key {
    /// `o-` and the hash of its bytes.
    Original(ContentHash),
    /// `r-`, a hash of the original and of all that decides the rendition, and the encoding's extension.
    Rendition(ContentHash, Encoding),
}

impl Key {
    pub(crate) fn rendition(hash: blake3::Hash, encoding: Encoding) -> Self {
        Self::Rendition(ContentHash(*hash.as_bytes()), encoding)
    }

    /// Whether anybody may have the object.
    #[must_use]
    pub fn is_public(&self) -> bool {
        matches!(self, Self::Rendition(..))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Original(hash) => write!(f, "{ORIGINAL}{hash}"),
            Self::Rendition(hash, encoding) => {
                write!(f, "{RENDITION}{hash}.{}", encoding.extension())
            }
        }
    }
}

impl FromStr for Key {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        if let Some(hash) = text.strip_prefix(ORIGINAL) {
            return Ok(Self::Original(hash.parse()?));
        }
        let rest = text.strip_prefix(RENDITION).ok_or(InvalidKey)?;
        let (hash, extension) = rest.split_once('.').ok_or(InvalidKey)?;
        let encoding = Encoding::ALL
            .into_iter()
            .find(|encoding| encoding.extension() == extension)
            .ok_or(InvalidKey)?;
        Ok(Self::Rendition(hash.parse()?, encoding))
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.to_string()
    }
}

impl TryFrom<String> for Key {
    type Error = InvalidKey;

    fn try_from(text: String) -> Result<Self, InvalidKey> {
        text.parse()
    }
}

/// A text that names no object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no key of a picture")]
pub struct InvalidKey;
