use jpeg_encoder::{Encoder, ImageBuffer, JpegColorType, SamplingFactor, rgb_to_ycbcr};

use crate::MediaError;
use crate::raster::Raster;

/// 4:2:0, with the best Huffman tables for the picture.
pub(super) fn encode(raster: &Raster, quality: u8) -> Result<Vec<u8>, MediaError> {
    let side = |length: u32| u16::try_from(length).map_err(MediaError::failed);
    let (width, height) = (side(raster.size.width)?, side(raster.size.height)?);
    let (pixels, _) = raster.pixels.as_chunks();
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, quality);
    encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
    encoder.set_optimized_huffman_tables(true);
    encoder
        .encode_image(Averaged {
            pixels,
            width,
            height,
        })
        .map_err(MediaError::failed)?;
    Ok(bytes)
}

/// A picture whose squares of four pixels have one colour, their mean: the encoder takes that of one pixel.
struct Averaged<'a> {
    pixels: &'a [[u8; 3]],
    width: u16,
    height: u16,
}

impl<'a> Averaged<'a> {
    fn row(&self, y: u16) -> &'a [[u8; 3]] {
        let width = usize::from(self.width);
        &self.pixels[usize::from(y) * width..][..width]
    }
}

impl ImageBuffer for Averaged<'_> {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        self.width
    }

    fn height(&self) -> u16 {
        self.height
    }

    fn fill_buffers(&self, y: u16, [luma, blue, red, _]: &mut [Vec<u8>; 4]) {
        luma.extend(self.row(y).iter().map(|&[r, g, b]| rgb_to_ycbcr(r, g, b).0));
        let start = blue.len();
        let end = start + usize::from(self.width);
        blue.resize(end, 0);
        red.resize(end, 0);
        // Of two rows the encoder takes the colours of the first, but where the last one is repeated.
        if y.is_multiple_of(2) || y + 1 == self.height {
            let (upper, lower) = (self.row(y & !1), self.row((y | 1).min(self.height - 1)));
            chroma(upper, lower, &mut blue[start..], &mut red[start..]);
        }
    }
}

/// Of two rows, each value twice.
fn chroma(upper: &[[u8; 3]], lower: &[[u8; 3]], blue: &mut [u8], red: &mut [u8]) {
    let (upper, upper_edge) = upper.as_chunks();
    let (lower, lower_edge) = lower.as_chunks();
    let (blue, blue_edge) = blue.as_chunks_mut();
    let (red, red_edge) = red.as_chunks_mut();
    for (((&[a, b], &[c, d]), blue), red) in upper.iter().zip(lower).zip(blue).zip(red) {
        let (_, cb, cr) = mean([a, b, c, d]);
        (*blue, *red) = ([cb; 2], [cr; 2]);
    }
    let edge = upper_edge.iter().zip(lower_edge);
    for (((&a, &b), blue), red) in edge.zip(blue_edge).zip(red_edge) {
        (_, *blue, *red) = mean([a, a, b, b]);
    }
}

/// The mean of four pixels, as luminance and chrominance.
fn mean(pixels: [[u8; 3]; 4]) -> (u8, u8, u8) {
    let channel = |at: usize| {
        let sum: u16 = pixels.iter().map(|pixel| u16::from(pixel[at])).sum();
        u8::try_from((sum + 2) / 4).unwrap_or(u8::MAX)
    };
    rgb_to_ycbcr(channel(0), channel(1), channel(2))
}
