use std::io::{Cursor, ErrorKind};

use png::{Decoder, DecodingError, Limits, Reader, Transformations};

use super::Decoded;
use crate::raster::{Raster, Shrink};
use crate::{Channels, Format, MediaError, Probed};

/// What the decoder may hold beside the pixels: rows and a colour profile, inflated.
const LIMIT_BYTES: usize = 8_000_000;

/// Decodes row by row, or whole when interlaced, and averages squares.
pub(super) fn decode(bytes: &[u8], probed: &Probed, divisor: u32) -> Result<Decoded, MediaError> {
    let limits = Limits { bytes: LIMIT_BYTES };
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_ignore_text_chunk(true);
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(refused)?;
    let channels = match reader.output_color_type().0 {
        png::ColorType::Grayscale => Channels::Gray,
        png::ColorType::GrayscaleAlpha => Channels::GrayAlpha,
        png::ColorType::Rgba => Channels::Rgba,
        _ => Channels::Rgb,
    };
    if channels != probed.channels || reader.info().size() != (probed.width, probed.height) {
        return Err(MediaError::malformed(Format::Png, "its headers disagree"));
    }
    let profile = reader.info().icc_profile.as_ref().map(|it| it.to_vec());
    let mut shrink = Shrink::new(probed.stored(), divisor, channels);
    let raster = if probed.progressive {
        whole(&mut reader, probed, shrink)?
    } else {
        while let Some(row) = reader.next_row().map_err(refused)? {
            shrink.push(row.data());
        }
        shrink.finish(Format::Png)?
    };
    Ok(Decoded { raster, profile })
}

fn whole(
    reader: &mut Reader<Cursor<&[u8]>>,
    probed: &Probed,
    mut shrink: Shrink,
) -> Result<Raster, MediaError> {
    let row_bytes = probed.width as usize * probed.channels.count();
    let mut pixels = vec![0; row_bytes * probed.height as usize];
    reader.next_frame(&mut pixels).map_err(refused)?;
    pixels
        .chunks_exact(row_bytes)
        .for_each(|row| shrink.push(row));
    shrink.finish(Format::Png)
}

fn refused(error: DecodingError) -> MediaError {
    let format = Format::Png;
    match error {
        DecodingError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            MediaError::Truncated { format }
        }
        error => MediaError::malformed(format, error),
    }
}
