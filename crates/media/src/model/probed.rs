use serde::{Deserialize, Serialize};

use super::{Channels, Format, Orientation};

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Size {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Size {
    /// Pixels in all.
    #[must_use]
    pub fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Rows for columns and columns for rows.
    #[must_use]
    pub fn transposed(self) -> Self {
        Self {
            width: self.height,
            height: self.width,
        }
    }
}

/// What the header of a picture says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probed {
    /// By the first bytes, whatever the name or the sender says.
    pub format: Format,
    /// Pixels in a stored row.
    pub width: u32,
    /// Stored rows.
    pub height: u32,
    /// Bits of a channel as stored; of a palette, of its index.
    pub bit_depth: u8,
    /// What a decoded pixel consists of.
    pub channels: Channels,
    /// Progressive JPEG, interlaced PNG or GIF.
    pub progressive: bool,
    /// Whether there is more than one frame, or the header announces it.
    pub animated: bool,
    /// How the picture is to be turned. Known for certain when the whole was probed.
    pub orientation: Orientation,
    /// Bytes of memory that rendering will take at most, the original included.
    pub memory_bytes: u64,
}

impl Probed {
    /// The size as stored.
    #[must_use]
    pub fn stored(&self) -> Size {
        Size {
            width: self.width,
            height: self.height,
        }
    }

    /// The size once it is turned upright.
    #[must_use]
    pub fn upright(&self) -> Size {
        if self.orientation.transposes() {
            self.stored().transposed()
        } else {
            self.stored()
        }
    }
}
