use std::io::{Cursor, ErrorKind};

use image_webp::{DecodingError, WebPDecoder};

use super::Decoded;
use crate::raster::Shrink;
use crate::{Channels, Format, MediaError, Probed};

/// A colour profile is not longer than this, or is not heeded.
const PROFILE_BYTES: usize = 4_000_000;

/// Decodes whole, in memory-safe code, and averages squares.
pub(super) fn decode(bytes: &[u8], probed: &Probed, divisor: u32) -> Result<Decoded, MediaError> {
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(refused)?;
    let channels = if decoder.has_alpha() {
        Channels::Rgba
    } else {
        Channels::Rgb
    };
    if channels != probed.channels || decoder.dimensions() != (probed.width, probed.height) {
        return Err(MediaError::malformed(Format::Webp, "its headers disagree"));
    }
    let row_bytes = probed.width as usize * channels.count();
    let mut pixels = vec![0; row_bytes * probed.height as usize];
    decoder.read_image(&mut pixels).map_err(refused)?;
    let mut shrink = Shrink::new(probed.stored(), divisor, channels);
    pixels
        .chunks_exact(row_bytes)
        .for_each(|row| shrink.push(row));
    drop(pixels);
    decoder.set_memory_limit(PROFILE_BYTES);
    Ok(Decoded {
        raster: shrink.finish(Format::Webp)?,
        profile: decoder.icc_profile().ok().flatten(),
    })
}

fn refused(error: DecodingError) -> MediaError {
    let format = Format::Webp;
    match error {
        DecodingError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            MediaError::Truncated { format }
        }
        DecodingError::UnsupportedFeature(reason) => MediaError::unsupported(format, reason),
        error => MediaError::malformed(format, error),
    }
}
