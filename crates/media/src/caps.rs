use serde::{Deserialize, Serialize};

/// What a picture may be at most. Whatever is more is refused before it is decoded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Caps {
    /// Bytes of the original. 25 MB.
    pub bytes: u64,
    /// Pixels of the original. 50 million.
    pub pixels: u64,
    /// Pixels of either side. 16,383, which is WebP's own bound.
    pub side: u32,
    /// Frames of an animation. 1,000.
    pub frames: u32,
    /// Scans of a JPEG. 100: each costs a walk over the whole picture, however few bytes it has.
    pub scans: u32,
    /// Segments, chunks and extensions beside the pixels. 10,000.
    pub parts: u32,
    /// Bytes of memory that rendering may take.
    pub memory: MemoryCaps,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            bytes: 25_000_000,
            pixels: 50_000_000,
            side: 16_383,
            frames: 1_000,
            scans: 100,
            parts: 10_000,
            memory: MemoryCaps::default(),
        }
    }
}

/// Bytes of memory that rendering may take by format: the original, what its decoder holds, the pixels and the renditions.
///
/// The program itself, its allocator's slack and its stacks come on top.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MemoryCaps {
    /// JPEG that is decoded row by row. 200 MB.
    pub jpeg: u64,
    /// Progressive JPEG, whose coefficients are all held until its last scan. 450 MB.
    pub jpeg_progressive: u64,
    /// PNG: 120 MB when read row by row.
    pub png: u64,
    /// Interlaced PNG, which is held whole. 300 MB.
    pub png_interlaced: u64,
    /// WebP, which is held whole, and twice in parts. 450 MB.
    pub webp: u64,
    /// GIF, of which one byte a pixel is held. 150 MB.
    pub gif: u64,
}

impl Default for MemoryCaps {
    fn default() -> Self {
        Self {
            jpeg: 200_000_000,
            jpeg_progressive: 450_000_000,
            png: 120_000_000,
            png_interlaced: 300_000_000,
            webp: 450_000_000,
            gif: 150_000_000,
        }
    }
}

impl MemoryCaps {
    /// The largest of them: what a process that renders any picture needs.
    #[must_use]
    pub fn largest(&self) -> u64 {
        [
            self.jpeg,
            self.jpeg_progressive,
            self.png,
            self.png_interlaced,
            self.webp,
            self.gif,
        ]
        .into_iter()
        .fold(0, u64::max)
    }
}
