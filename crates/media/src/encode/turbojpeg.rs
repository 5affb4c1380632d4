use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

use crate::MediaError;
use crate::raster::Raster;

/// 4:2:0, with the best Huffman tables for the picture.
pub(super) fn encode(raster: &Raster, quality: u8) -> Result<Vec<u8>, MediaError> {
    let (width, height) = (raster.size.width as usize, raster.size.height as usize);
    let image = Image {
        pixels: raster.pixels.as_slice(),
        width,
        pitch: width * 3,
        height,
        format: PixelFormat::RGB,
    };
    let encoded = || {
        let mut encoder = Compressor::new()?;
        encoder.set_quality(quality.into())?;
        encoder.set_subsamp(Subsamp::Sub2x2)?;
        encoder.set_optimize(true)?;
        encoder.compress_to_vec(image)
    };
    encoded().map_err(MediaError::failed)
}
