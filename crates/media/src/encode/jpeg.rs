use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use crate::MediaError;
use crate::raster::Raster;

/// 4:2:0, with the best Huffman tables for the picture.
pub(super) fn encode(raster: &Raster, quality: u8) -> Result<Vec<u8>, MediaError> {
    let side = |length: u32| u16::try_from(length).map_err(MediaError::failed);
    let (width, height) = (side(raster.size.width)?, side(raster.size.height)?);
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, quality);
    encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
    encoder.set_optimized_huffman_tables(true);
    encoder
        .encode(&raster.pixels, width, height, ColorType::Rgb)
        .map_err(MediaError::failed)?;
    Ok(bytes)
}
