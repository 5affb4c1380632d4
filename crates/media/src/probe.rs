//! What a picture is, by its header, without decoding anything.
//!
//! Work is linear in the bytes, which are capped, and memory constant. The format is what the first bytes say. Whatever stands
//! behind the end of the picture is not looked at, and reaches no rendition.

mod cursor;
mod exif;
mod foreign;
mod gif;
mod jpeg;
mod memory;
mod png;
mod webp;

use crate::{Caps, Extent, Format, MediaError, Orientation, Probed, Recipe, Size};
use cursor::Cursor;
pub(crate) use jpeg::inks_are_inverted;
use memory::Held;
pub(crate) use memory::cap as memory_cap;

/// A prefix of so many bytes has the header of nearly every picture, large colour profiles included.
pub const PREFIX_BYTES: usize = 1 << 20;

/// What a format's own reader finds.
struct Header {
    size: Size,
    bit_depth: u8,
    channels: crate::Channels,
    progressive: bool,
    animated: bool,
    orientation: Orientation,
    held: Held,
}

/// Looks at a picture.
pub(crate) fn probe(
    bytes: &[u8],
    extent: Extent,
    caps: &Caps,
    recipe: &Recipe,
) -> Result<Probed, MediaError> {
    recipe.check()?;
    if bytes.len() as u64 > caps.bytes {
        return Err(MediaError::TooManyBytes {
            cap_bytes: caps.bytes,
        });
    }
    let format = format(bytes, extent)?;
    let cursor = Cursor::new(bytes, extent, format);
    let header = match format {
        Format::Jpeg => jpeg::read(cursor, caps)?,
        Format::Png => png::read(cursor, caps)?,
        Format::Webp => webp::read(cursor, caps)?,
        Format::Gif => gif::read(cursor, caps)?,
    };
    let mut probed = Probed {
        format,
        width: header.size.width,
        height: header.size.height,
        bit_depth: header.bit_depth,
        channels: header.channels,
        progressive: header.progressive,
        animated: header.animated,
        orientation: header.orientation,
        memory_bytes: 0,
    };
    let need_bytes = memory::need(&probed, &header.held, recipe) + bytes.len() as u64;
    let cap_bytes = memory::cap(&probed, &caps.memory);
    if need_bytes > cap_bytes {
        return Err(MediaError::Memory {
            format,
            need_bytes,
            cap_bytes,
        });
    }
    probed.memory_bytes = need_bytes;
    Ok(probed)
}

/// Refuses sizes beyond the caps, before anything is computed with them.
fn fit(size: Size, caps: &Caps) -> Result<Size, MediaError> {
    let Size { width, height } = size;
    let side = 1..=caps.side;
    if !side.contains(&width) || !side.contains(&height) {
        return Err(MediaError::Side {
            width,
            height,
            cap: caps.side,
        });
    }
    if size.pixels() > caps.pixels {
        return Err(MediaError::Pixels {
            width,
            height,
            cap: caps.pixels,
        });
    }
    Ok(size)
}

fn format(bytes: &[u8], extent: Extent) -> Result<Format, MediaError> {
    if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
        return Ok(Format::Jpeg);
    }
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Ok(Format::Png);
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Ok(Format::Webp);
    }
    if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") {
        return Ok(Format::Gif);
    }
    if bytes.len() < 12 && extent == Extent::Prefix {
        return Err(MediaError::MoreNeeded);
    }
    Err(foreign::name(bytes))
}
