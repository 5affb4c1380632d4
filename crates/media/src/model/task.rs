use serde::{Deserialize, Serialize};

use crate::{ContentHash, Encoding, Recipe, Rendition};

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

/// A rendition that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// What was asked for.
    pub rendition: Rendition,
    /// The encoded picture: no metadata, sRGB, upright.
    pub bytes: Vec<u8>,
}
