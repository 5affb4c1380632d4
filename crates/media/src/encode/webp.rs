use webp::{Encoder, PixelLayout};

use crate::MediaError;
use crate::raster::Raster;

/// Lossy, with its opacity. libwebp sees pixels only, never a byte that was sent.
pub(super) fn encode(raster: &Raster, quality: u8) -> Result<Vec<u8>, MediaError> {
    let layout = if raster.channels.has_alpha() {
        PixelLayout::Rgba
    } else {
        PixelLayout::Rgb
    };
    let encoder = Encoder::new(
        &raster.pixels,
        layout,
        raster.size.width,
        raster.size.height,
    );
    encoder
        .encode_simple(false, quality.into())
        .map(|encoded| encoded.to_vec())
        .map_err(|error| MediaError::failed(format_args!("{error:?}")))
}
