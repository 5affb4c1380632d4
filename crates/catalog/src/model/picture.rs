use serde::{Deserialize, Serialize};
use stanchion_kernel::Uuid;
use utoipa::ToSchema;

use super::Product;

/// The record of a picture of a product; the bytes lie in the object store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Picture {
    /// Its id, a UUIDv7.
    pub id: Uuid,
    /// How far its renditions are.
    pub state: PictureState,
    /// Its place among the product's pictures, from 0.
    pub position: i64,
    /// The media type of the original.
    pub media_type: String,
    /// The original's width in pixels.
    pub width: i64,
    /// The original's height in pixels.
    pub height: i64,
    /// What it was rendered to.
    pub renditions: Vec<Rendition>,
}

/// One size and format of a picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rendition {
    /// Width in pixels.
    pub width: i64,
    /// Height in pixels.
    pub height: i64,
    /// `jpeg`, `webp` or `avif`.
    pub format: String,
    /// Size in bytes.
    pub bytes: i64,
    /// Where it is served.
    pub url: String,
}

/// How far a picture's renditions are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PictureState {
    /// The renditions are still to be made.
    Pending,
    /// The renditions are there.
    Ready,
    /// The picture could not be rendered.
    Failed,
}

impl PictureState {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Failed => "failed",
        }
    }
}

/// A picture that a product has.
#[derive(Clone, Debug, PartialEq)]
pub struct AddedPicture {
    /// The one that was to be recorded, or the one of the same bytes that the product had before.
    pub id: Uuid,
    /// The product with it.
    pub product: Product,
}

/// A picture to be recorded: its original has been stored under its content hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPicture {
    /// Its id.
    pub id: Uuid,
    /// Whose picture it is.
    pub product_id: Uuid,
    /// BLAKE3 of the original's bytes.
    pub content_hash: [u8; 32],
    /// The media type of the original.
    pub media_type: String,
    /// The original's size in bytes, more than 0.
    pub bytes: i64,
    /// The original's width in pixels, more than 0.
    pub width: i64,
    /// The original's height in pixels, more than 0.
    pub height: i64,
}
