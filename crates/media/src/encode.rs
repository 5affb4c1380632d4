mod jpeg;
#[cfg(feature = "turbojpeg")]
mod turbojpeg;
mod webp;

use crate::raster::Raster;
use crate::{Encoding, JpegCodec, MediaError, Recipe};

/// Names what decodes, resizes and encodes. It is part of every key: change it whenever the bytes of a rendition may.
pub(crate) fn version(encoding: Encoding, codec: JpegCodec) -> &'static str {
    match (encoding, codec) {
        (Encoding::Jpeg, JpegCodec::Rust) => "3 jpeg-encoder 0.7",
        (Encoding::Jpeg, JpegCodec::Turbojpeg) => "2 turbojpeg-sys 1.2",
        (Encoding::Webp, _) => "2 libwebp-sys 0.9",
    }
}

/// Encodes a picture in sRGB, without metadata.
pub(crate) fn encode(
    raster: &Raster,
    encoding: Encoding,
    recipe: &Recipe,
) -> Result<Vec<u8>, MediaError> {
    match (encoding, recipe.jpeg_codec) {
        #[cfg(feature = "turbojpeg")]
        (Encoding::Jpeg, JpegCodec::Turbojpeg) => {
            turbojpeg::encode(&raster.flattened(recipe.background), recipe.jpeg_quality)
        }
        (Encoding::Jpeg, _) => {
            jpeg::encode(&raster.flattened(recipe.background), recipe.jpeg_quality)
        }
        (Encoding::Webp, _) => webp::encode(raster, recipe.webp_quality),
    }
}
