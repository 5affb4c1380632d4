use serde::{Deserialize, Serialize};

use super::Probed;
use crate::{ContentHash, Encoding, Key, Recipe, Rendition};

/// An original, as the row of a picture keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Original {
    /// The hash of its bytes, by which it is stored.
    pub hash: ContentHash,
    /// How many bytes it has.
    pub bytes: u64,
    /// What its header says.
    pub probed: Probed,
}

/// What a job is told: to render an original in one encoding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenderTask {
    /// The original.
    pub original: ContentHash,
    /// The encoding: each has a job of its own, since WebP costs a multiple of JPEG and can wait.
    pub encoding: Encoding,
    /// How.
    pub recipe: Recipe,
}

impl RenderTask {
    /// The tasks of an original, in the order of their urgency.
    #[must_use]
    pub fn of(original: ContentHash, recipe: &Recipe) -> Vec<Self> {
        let task = |&encoding: &Encoding| Self {
            original,
            encoding,
            recipe: recipe.clone(),
        };
        Encoding::ALL.iter().map(task).collect()
    }
}

/// A rendition, as the row of a picture keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRendition {
    /// Where it is stored.
    pub key: Key,
    /// Its encoding.
    pub encoding: Encoding,
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// How many bytes it has.
    pub bytes: u64,
}

/// A rendition that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// What was asked for.
    pub rendition: Rendition,
    /// The encoded picture: no metadata, sRGB, upright.
    pub bytes: Vec<u8>,
}

impl Rendered {
    /// What the row of a picture keeps of it.
    #[must_use]
    pub fn stored(&self, original: &ContentHash, recipe: &Recipe) -> StoredRendition {
        StoredRendition {
            key: recipe.key(original, &self.rendition),
            encoding: self.rendition.encoding,
            width: self.rendition.width,
            height: self.rendition.height,
            bytes: self.bytes.len() as u64,
        }
    }
}
