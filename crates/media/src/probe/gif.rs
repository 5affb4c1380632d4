use super::cursor::{Counter, Cursor};
use super::memory::Held;
use super::{Header, fit};
use crate::{Caps, Channels, Format, MediaError, Orientation, Size};

const SIGNATURE_BYTES: usize = 6;
const IMAGE: u8 = 0x2c;
const EXTENSION: u8 = 0x21;
const TRAILER: u8 = 0x3b;
const HAS_TABLE: u8 = 0x80;
const INTERLACED: u8 = 0x40;

#[derive(Default)]
struct Blocks {
    frames: u32,
    interlaced: bool,
    bits: u8,
}

pub(super) fn read(mut cursor: Cursor<'_>, caps: &Caps) -> Result<Header, MediaError> {
    cursor.skip(SIGNATURE_BYTES)?;
    let size = Size {
        width: cursor.le16()?.into(),
        height: cursor.le16()?.into(),
    };
    let size = fit(size, caps)?;
    let [packed, _background, _ratio] = cursor.array()?;
    cursor.skip(table_bytes(packed))?;
    let mut blocks = Blocks {
        bits: (packed & 7) + 1,
        ..Blocks::default()
    };
    let mut parts = Counter::parts(Format::Gif, "extensions", caps.parts);
    let mut frames = Counter::frames(caps.frames);
    loop {
        match block(&mut cursor, size, &mut blocks, &mut parts, &mut frames) {
            Ok(false) => {}
            Ok(true) => break,
            Err(MediaError::MoreNeeded) if blocks.frames > 0 => break,
            Err(error) => return Err(error),
        }
    }
    if blocks.frames == 0 {
        return Err(cursor.malformed("it has no frame"));
    }
    Ok(Header {
        size,
        bit_depth: blocks.bits,
        channels: Channels::Rgba,
        progressive: blocks.interlaced,
        animated: blocks.frames > 1,
        orientation: Orientation::Upright,
        held: Held::Pixels(1),
    })
}

/// Reads a block, and says whether it was the last.
fn block(
    cursor: &mut Cursor<'_>,
    canvas: Size,
    blocks: &mut Blocks,
    parts: &mut Counter,
    frames: &mut Counter,
) -> Result<bool, MediaError> {
    match cursor.byte()? {
        TRAILER => return Ok(true),
        EXTENSION => {
            parts.count()?;
            cursor.skip(1)?;
        }
        IMAGE => {
            frames.count()?;
            let packed = image(cursor, canvas, blocks.frames == 0)?;
            if blocks.frames == 0 {
                blocks.interlaced = packed & INTERLACED != 0;
            }
            blocks.frames += 1;
            cursor.skip(table_bytes(packed) + 1)?;
        }
        _ => return Err(cursor.malformed("a block is of no known kind")),
    }
    loop {
        match cursor.byte()? {
            0 => return Ok(false),
            length => cursor.skip(length.into())?,
        }
    }
}

/// Where a frame stands. The first is decoded, and so must stand on the canvas.
fn image(cursor: &mut Cursor<'_>, canvas: Size, first: bool) -> Result<u8, MediaError> {
    let mut side = || Ok::<u32, MediaError>(cursor.le16()?.into());
    let (left, top, width, height) = (side()?, side()?, side()?, side()?);
    let inside = left + width <= canvas.width && top + height <= canvas.height;
    if first && !(inside && width > 0 && height > 0) {
        return Err(cursor.malformed("its first frame is not on its canvas"));
    }
    cursor.byte()
}

/// The bytes of a colour table, as a packed field says.
fn table_bytes(packed: u8) -> usize {
    if packed & HAS_TABLE == 0 {
        0
    } else {
        3 << ((packed & 7) + 1)
    }
}
