//! From bytes to pixels, small, upright and in sRGB.

mod gif;
mod jpeg;
mod png;
#[cfg(feature = "turbojpeg")]
mod turbojpeg;
mod webp;

use crate::raster::Raster;
use crate::{Format, MediaError, Probed, Recipe, colour, scale};

/// Pixels as they are stored, and the profile that says what they mean.
struct Decoded {
    raster: Raster,
    profile: Option<Vec<u8>>,
}

/// Decodes what was probed, shrunk as the recipe allows.
pub(crate) fn decode(bytes: &[u8], probed: &Probed, recipe: &Recipe) -> Result<Raster, MediaError> {
    let divisor = scale::divisor(probed.format, probed.upright(), recipe);
    let Decoded { raster, profile } = match probed.format {
        Format::Jpeg => jpeg::decode(bytes, probed, divisor, recipe.jpeg_codec)?,
        Format::Png => png::decode(bytes, probed, divisor)?,
        Format::Webp => webp::decode(bytes, probed, divisor)?,
        Format::Gif => gif::decode(bytes, probed, divisor)?,
    };
    Ok(colour::to_srgb(raster, profile.as_deref()).upright(probed.orientation))
}
