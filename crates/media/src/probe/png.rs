use super::cursor::{Counter, Cursor};
use super::memory::Held;
use super::{Header, exif, fit};
use crate::{Caps, Channels, Format, MediaError, Orientation, Size};

const SIGNATURE_BYTES: usize = 8;
const CHECKSUM_BYTES: usize = 4;

/// What a byte of deflate gives at most: 258 bytes for two bits, and a little.
const INFLATION: u64 = 1040;

struct Chunks {
    size: Size,
    bit_depth: u8,
    colour: u8,
    interlaced: bool,
    transparent: bool,
    animated: bool,
    orientation: Option<Orientation>,
    pixel_bytes: u64,
}

pub(super) fn read(mut cursor: Cursor<'_>, caps: &Caps) -> Result<Header, MediaError> {
    cursor.skip(SIGNATURE_BYTES)?;
    let mut chunks = first(&mut cursor, caps)?;
    let mut parts = Counter::parts(Format::Png, "chunks", caps.parts);
    loop {
        parts.count()?;
        match next(&mut cursor, &mut chunks, caps) {
            Ok(false) => {}
            Ok(true) => break,
            // All that matters of a prefix stands before the pixels.
            Err(MediaError::MoreNeeded) if chunks.pixel_bytes > 0 => break,
            Err(error) => return Err(error),
        }
    }
    if chunks.pixel_bytes == 0 {
        return Err(cursor.malformed("it has no pixels"));
    }
    chunks.header(&cursor)
}

fn first(cursor: &mut Cursor<'_>, caps: &Caps) -> Result<Chunks, MediaError> {
    let (length, kind) = (cursor.be32()?, cursor.array()?);
    if length != 13 || &kind != b"IHDR" {
        return Err(cursor.malformed("it does not begin with its header"));
    }
    let size = Size {
        width: cursor.be32()?,
        height: cursor.be32()?,
    };
    let [bit_depth, colour, compression, filter, interlace] = cursor.array()?;
    cursor.skip(CHECKSUM_BYTES)?;
    if !depths(colour).contains(&bit_depth) || compression != 0 || filter != 0 || interlace > 1 {
        return Err(cursor.malformed("its header is wrong"));
    }
    Ok(Chunks {
        size: fit(size, caps)?,
        bit_depth,
        colour,
        interlaced: interlace == 1,
        transparent: false,
        animated: false,
        orientation: None,
        pixel_bytes: 0,
    })
}

/// The depths that a colour type may have.
fn depths(colour: u8) -> &'static [u8] {
    match colour {
        0 => &[1, 2, 4, 8, 16],
        3 => &[1, 2, 4, 8],
        2 | 4 | 6 => &[8, 16],
        _ => &[],
    }
}

/// Reads a chunk, and says whether it was the last.
fn next(cursor: &mut Cursor<'_>, chunks: &mut Chunks, caps: &Caps) -> Result<bool, MediaError> {
    let length = cursor.be32()?;
    let kind = cursor.array()?;
    if &kind == b"IDAT" {
        chunks.pixel_bytes += u64::from(length);
    }
    let length =
        usize::try_from(length).map_err(|_huge| cursor.malformed("a chunk is too long"))?;
    let body = cursor.take(length)?;
    cursor.skip(CHECKSUM_BYTES)?;
    match &kind {
        b"IEND" => return Ok(true),
        b"tRNS" => chunks.transparent = true,
        b"eXIf" if chunks.orientation.is_none() => {
            chunks.orientation = Some(exif::orientation(body));
        }
        b"acTL" => {
            let frames = body
                .first_chunk()
                .map_or(0, |&count| u32::from_be_bytes(count));
            if frames > caps.frames {
                return Err(MediaError::Frames { cap: caps.frames });
            }
            chunks.animated = frames > 1;
        }
        _ => {}
    }
    Ok(false)
}

impl Chunks {
    fn header(self, cursor: &Cursor<'_>) -> Result<Header, MediaError> {
        let channels = match (self.colour, self.transparent) {
            (0, false) => Channels::Gray,
            (0, true) | (4, _) => Channels::GrayAlpha,
            (2 | 3, false) => Channels::Rgb,
            _ => Channels::Rgba,
        };
        let stored_channels = match self.colour {
            2 => 3,
            4 => 2,
            6 => 4,
            _ => 1,
        };
        let raw_bytes = self.size.pixels() * stored_channels * u64::from(self.bit_depth) / 8;
        if !cursor.is_prefix() && raw_bytes / INFLATION > self.pixel_bytes {
            return Err(MediaError::Hollow {
                format: Format::Png,
                width: self.size.width,
                height: self.size.height,
            });
        }
        Ok(Header {
            size: self.size,
            bit_depth: self.bit_depth,
            channels,
            progressive: self.interlaced,
            animated: self.animated,
            orientation: self.orientation.unwrap_or_default(),
            held: if self.interlaced {
                Held::whole(channels)
            } else {
                Held::Row
            },
        })
    }
}
