use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::Kind;
use crate::error::Invalid;

/// The most bytes of a job's arguments. What is larger belongs into the object store, and its key into the arguments.
pub const MAX_ARGS_BYTES: usize = 64 * 1024;

/// A job's arguments: JSON of at most [`MAX_ARGS_BYTES`], kept as the text that it came as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Args(String);

impl Args {
    /// The arguments that `value` is written as.
    ///
    /// # Errors
    /// [`Invalid::ArgsTooLarge`]; [`Invalid::Args`] for what cannot be written as JSON.
    pub fn of(value: &impl Serialize) -> Result<Self, Invalid> {
        let text = serde_json::to_string(value);
        Self::bounded(text.map_err(|error| Invalid::Args(error.to_string()))?)
    }

    /// Arguments that are JSON already.
    ///
    /// # Errors
    /// [`Invalid::ArgsTooLarge`]; [`Invalid::Args`] for what is no JSON.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        // Measured first: what is too large is not read.
        let args = Self::bounded(text.to_owned())?;
        let parsed: Result<IgnoredAny, _> = serde_json::from_str(&args.0);
        parsed.map_err(|error| Invalid::Args(error.to_string()))?;
        Ok(args)
    }

    fn bounded(text: String) -> Result<Self, Invalid> {
        let bytes = text.len();
        if bytes > MAX_ARGS_BYTES {
            return Err(Invalid::ArgsTooLarge { bytes });
        }
        Ok(Self(text))
    }

    /// From where only arguments were written.
    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    /// The JSON text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads them as a handler's type.
    ///
    /// # Errors
    /// serde's, when the arguments are of another shape.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }
}

/// What a job works on, by its content: jobs with the same hash crash for the same reason. By default the hash of kind
/// and arguments; a job on a file gives the file's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InputHash(pub [u8; 32]);

impl InputHash {
    /// The hash of a kind with its arguments.
    #[must_use]
    pub fn of(kind: &Kind, args: &Args) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(kind.as_str().as_bytes());
        // No name holds a NUL: where the kind ends is told.
        hasher.update(&[0]);
        hasher.update(args.as_str().as_bytes());
        Self(*hasher.finalize().as_bytes())
    }
}

impl fmt::Display for InputHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        blake3::Hash::from_bytes(self.0).fmt(f)
    }
}

impl FromStr for InputHash {
    type Err = blake3::HexError;

    /// 64 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(*blake3::Hash::from_hex(text)?.as_bytes()))
    }
}
