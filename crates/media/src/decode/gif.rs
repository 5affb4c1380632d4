use gif::{ColorOutput, DecodeOptions, Decoder, DecodingError};

use super::Decoded;
use crate::raster::Shrink;
use crate::{Channels, Format, MediaError, Probed};

/// Decodes the first frame onto a transparent canvas, and averages squares.
pub(super) fn decode(bytes: &[u8], probed: &Probed, divisor: u32) -> Result<Decoded, MediaError> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    options.check_frame_consistency(true);
    let mut decoder = options.read_info(bytes).map_err(refused)?;
    let frame = decoder.next_frame_info().map_err(refused)?;
    let Some(frame) = frame else {
        return Err(MediaError::malformed(Format::Gif, "it has no frame"));
    };
    let place = Place {
        left: frame.left.into(),
        top: frame.top.into(),
        width: frame.width.into(),
        height: frame.height.into(),
    };
    let transparent = frame.transparent;
    let mut indices = vec![0; place.width * place.height];
    decoder.read_into_buffer(&mut indices).map_err(refused)?;
    let palette = colours(&decoder, transparent)?;
    let mut shrink = Shrink::new(probed.stored(), divisor, Channels::Rgba);
    let mut row = vec![0; probed.width as usize * 4];
    for y in 0..probed.height as usize {
        place.fill(&mut row, y, &indices, &palette);
        shrink.push(&row);
    }
    let raster = shrink.finish(Format::Gif)?;
    let profile = decoder.icc_profile().map(<[u8]>::to_vec);
    Ok(Decoded { raster, profile })
}

/// Where the frame stands on the canvas.
struct Place {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl Place {
    /// Writes a row of the canvas.
    fn fill(&self, row: &mut [u8], y: usize, indices: &[u8], palette: &[[u8; 4]; 256]) {
        row.fill(0);
        let line = y.checked_sub(self.top).filter(|&line| line < self.height);
        let Some(line) = line else { return };
        let indices = &indices[line * self.width..][..self.width];
        let pixels = row.chunks_exact_mut(4).skip(self.left);
        for (pixel, &index) in pixels.zip(indices) {
            pixel.copy_from_slice(&palette[usize::from(index)]);
        }
    }
}

/// What each index means. One beyond the table is black.
fn colours(
    decoder: &Decoder<&[u8]>,
    transparent: Option<u8>,
) -> Result<[[u8; 4]; 256], MediaError> {
    let mut colours = [[0, 0, 0, 255]; 256];
    let (table, _) = decoder.palette().map_err(refused)?.as_chunks::<3>();
    for (colour, &[red, green, blue]) in colours.iter_mut().zip(table) {
        *colour = [red, green, blue, 255];
    }
    if let Some(index) = transparent {
        colours[usize::from(index)] = [0; 4];
    }
    Ok(colours)
}

fn refused(error: DecodingError) -> MediaError {
    match error {
        DecodingError::UnexpectedEof => MediaError::Truncated {
            format: Format::Gif,
        },
        error => MediaError::malformed(Format::Gif, error),
    }
}
