use turbojpeg::{Decompressor, Image, PixelFormat, ScalingFactor};

use crate::raster::Raster;
use crate::{Channels, Format, MediaError, Probed, Size};

/// Decodes a JPEG that is not of four inks at a divisor of 1, 2, 4 or 8.
pub(super) fn decode(bytes: &[u8], probed: &Probed, divisor: u32) -> Result<Raster, MediaError> {
    let refused = |error: turbojpeg::Error| MediaError::malformed(Format::Jpeg, error);
    let mut decoder = Decompressor::new().map_err(MediaError::failed)?;
    let header = decoder.read_header(bytes).map_err(refused)?;
    let factor = ScalingFactor::new(1, divisor as usize);
    decoder
        .set_scaling_factor(factor)
        .map_err(MediaError::failed)?;
    let scaled = header.scaled(factor);
    let format = match probed.channels {
        Channels::Gray => PixelFormat::GRAY,
        _ => PixelFormat::RGB,
    };
    let mut image = Image {
        pixels: vec![0; scaled.width * scaled.height * format.size()],
        width: scaled.width,
        pitch: scaled.width * format.size(),
        height: scaled.height,
        format,
    };
    decoder
        .decompress(bytes, image.as_deref_mut())
        .map_err(refused)?;
    let side = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    let size = Size {
        width: side(scaled.width),
        height: side(scaled.height),
    };
    Raster::new(size, probed.channels, image.pixels)
        .ok_or_else(|| MediaError::malformed(Format::Jpeg, "it has another size"))
}
