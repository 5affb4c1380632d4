//! How much memory rendering takes at most, from what its parts are known to hold.

use crate::{Channels, Format, Light, MemoryCaps, Probed, Recipe, scale};

/// What is there whatever the picture: tables of decoders and encoders, a colour profile.
const FIXED_BYTES: u64 = 12_000_000;

/// What a decoder holds of a picture.
pub(super) enum Held {
    /// Components of a JPEG, so many bytes at full size, and their coefficients.
    Planes { bytes: u64, coefficients: bool },
    /// A row.
    Row,
    /// So many bytes of each pixel.
    Pixels(u64),
}

/// Bytes of memory, without the original.
pub(super) fn need(probed: &Probed, held: &Held, recipe: &Recipe) -> u64 {
    let divisor = scale::divisor(probed.format, probed.upright(), recipe);
    let base = scale::shrunk(probed.stored(), divisor).pixels();
    let decoded = base * probed.channels.count() as u64;
    let decoding = decoded
        + match *held {
            Held::Planes {
                bytes,
                coefficients,
            } => {
                let squared = u64::from(divisor) * u64::from(divisor);
                bytes.div_ceil(squared) + if coefficients { bytes * 2 } else { 0 }
            }
            Held::Row => u64::from(probed.width) * 8 * 4,
            Held::Pixels(each) => probed.stored().pixels() * each,
        };
    let colours = if probed.channels.has_alpha() { 4 } else { 3 };
    // Linear light has four channels of 16 bits, and transparent colours are weighted in a copy.
    let deep = if recipe.light == Light::Linear { 8 } else { 4 };
    let resizing = base * deep * if colours == 4 { 2 } else { 1 };
    let colouring = decoded.max(base * 4);
    let rendering = base * colours + colouring.max(resizing) + renditions(probed, recipe, deep);
    FIXED_BYTES + decoding.max(rendering)
}

/// The largest rendition while it is resized and encoded: rows that are still high, the pixels, the coefficients or planes of
/// an encoder, and what was encoded already.
fn renditions(probed: &Probed, recipe: &Recipe, deep: u64) -> u64 {
    let upright = probed.upright();
    let width = recipe.largest().min(upright.width);
    let pixels = u64::from(width) * u64::from(scale::proportional(upright, width));
    pixels * (deep * 3 + 8)
}

/// The cap that a picture falls under.
pub(crate) fn cap(probed: &Probed, caps: &MemoryCaps) -> u64 {
    match (probed.format, probed.progressive) {
        (Format::Jpeg, false) => caps.jpeg,
        (Format::Jpeg, true) => caps.jpeg_progressive,
        (Format::Png, false) => caps.png,
        (Format::Png, true) => caps.png_interlaced,
        (Format::Webp, _) => caps.webp,
        (Format::Gif, _) => caps.gif,
    }
}

impl Held {
    /// A picture that is held whole as it is decoded.
    pub(super) fn whole(channels: Channels) -> Self {
        Self::Pixels(channels.count() as u64)
    }
}
