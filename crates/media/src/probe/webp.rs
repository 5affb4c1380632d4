use super::cursor::{Counter, Cursor};
use super::memory::Held;
use super::{Header, exif, fit};
use crate::{Caps, Channels, Format, MediaError, Orientation, Size};

const ANIMATED: u8 = 0x02;
const ALPHA: u8 = 0x10;

/// What is held of each pixel: luma and chroma, an opacity that is decoded apart, the colours, and lossless ones twice.
const STILL_BYTES: u64 = 7;

/// Of an animated picture, the canvas and the frame besides.
const ANIMATED_BYTES: u64 = 14;

struct Chunks {
    size: Size,
    alpha: bool,
    animated: bool,
    orientation: Option<Orientation>,
    /// Whether the coded pixels of the first frame were seen.
    pixels: bool,
}

pub(super) fn read(mut cursor: Cursor<'_>, caps: &Caps) -> Result<Header, MediaError> {
    cursor.skip(4)?;
    let length = u64::from(cursor.le32()?);
    cursor.skip(4)?;
    if !cursor.is_prefix() && length + 8 > cursor.len() {
        return Err(MediaError::Truncated {
            format: Format::Webp,
        });
    }
    let end = length + 8;
    let (kind, body) = chunk(&mut cursor)?;
    let chunks = match &kind {
        b"VP8X" => extended(cursor, body, end, caps)?,
        _ => plain(&cursor, kind, body, caps)?,
    };
    Ok(Header {
        size: chunks.size,
        bit_depth: 8,
        channels: if chunks.alpha {
            Channels::Rgba
        } else {
            Channels::Rgb
        },
        progressive: false,
        animated: chunks.animated,
        orientation: chunks.orientation.unwrap_or_default(),
        held: Held::Pixels(if chunks.animated {
            ANIMATED_BYTES
        } else {
            STILL_BYTES
        }),
    })
}

/// The next chunk. Of the pixels of a prefix, what there is.
fn chunk<'a>(cursor: &mut Cursor<'a>) -> Result<([u8; 4], &'a [u8]), MediaError> {
    let kind = cursor.array()?;
    let length = cursor.le32()? as usize;
    let body = match cursor.take(length) {
        Err(MediaError::MoreNeeded) if coded(kind) || &kind == b"ANMF" => {
            cursor.take(cursor.left())?
        }
        body => body?,
    };
    if length % 2 == 1 && cursor.left() > 0 {
        cursor.skip(1)?;
    }
    Ok((kind, body))
}

fn coded(kind: [u8; 4]) -> bool {
    matches!(&kind, b"VP8 " | b"VP8L")
}

/// A picture without extensions is one chunk.
fn plain(
    cursor: &Cursor<'_>,
    kind: [u8; 4],
    body: &[u8],
    caps: &Caps,
) -> Result<Chunks, MediaError> {
    let (size, alpha) = frame(cursor, kind, body)?;
    Ok(Chunks {
        size: fit(size, caps)?,
        alpha,
        animated: false,
        orientation: None,
        pixels: true,
    })
}

/// Size and opacity as the coded pixels say.
fn frame(cursor: &Cursor<'_>, kind: [u8; 4], body: &[u8]) -> Result<(Size, bool), MediaError> {
    match (&kind, body) {
        (b"VP8 ", &[tag, _, _, 0x9d, 0x01, 0x2a, w1, w2, h1, h2, ..]) if tag & 1 == 0 => {
            let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
            let size = Size {
                width: side(w1, w2),
                height: side(h1, h2),
            };
            Ok((size, false))
        }
        (b"VP8L", &[0x2f, b1, b2, b3, b4, ..]) => {
            let bits = u32::from_le_bytes([b1, b2, b3, b4]);
            let size = Size {
                width: (bits & 0x3fff) + 1,
                height: (bits >> 14 & 0x3fff) + 1,
            };
            Ok((size, bits >> 28 & 1 == 1))
        }
        _ if cursor.is_prefix() && body.len() < 10 => Err(cursor.short()),
        _ => Err(cursor.malformed("its pixels begin with no header")),
    }
}

fn extended(
    mut cursor: Cursor<'_>,
    header: &[u8],
    end: u64,
    caps: &Caps,
) -> Result<Chunks, MediaError> {
    let &[flags, _, _, _, w1, w2, w3, h1, h2, h3, ..] = header else {
        return Err(cursor.malformed("its header is too short"));
    };
    let side = |a, b, c| u32::from_le_bytes([a, b, c, 0]) + 1;
    let size = Size {
        width: side(w1, w2, w3),
        height: side(h1, h2, h3),
    };
    let mut chunks = Chunks {
        size: fit(size, caps)?,
        alpha: flags & ALPHA != 0,
        animated: flags & ANIMATED != 0,
        orientation: None,
        pixels: false,
    };
    let mut parts = Counter::parts(Format::Webp, "chunks", caps.parts);
    let mut frames = Counter::frames(caps.frames);
    while cursor.left() > 0 && cursor.at() < end {
        parts.count()?;
        match chunk(&mut cursor) {
            Ok((kind, body)) => chunks.take(&cursor, kind, body, &mut frames)?,
            Err(MediaError::MoreNeeded) if chunks.pixels => break,
            Err(error) => return Err(error),
        }
    }
    match (chunks.pixels, cursor.is_prefix()) {
        (true, _) => Ok(chunks),
        (false, true) => Err(cursor.short()),
        (false, false) => Err(cursor.malformed("it has no pixels")),
    }
}

impl Chunks {
    fn take(
        &mut self,
        cursor: &Cursor<'_>,
        kind: [u8; 4],
        body: &[u8],
        frames: &mut Counter,
    ) -> Result<(), MediaError> {
        match &kind {
            b"EXIF" if self.orientation.is_none() => {
                self.orientation = Some(exif::orientation(body));
            }
            b"VP8 " | b"VP8L" if !self.animated && !self.pixels => {
                self.agree(cursor, frame(cursor, kind, body)?.0, self.size)?;
            }
            b"ANMF" if self.animated => {
                frames.count()?;
                if !self.pixels {
                    self.first_frame(cursor, body)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Coded pixels of another size than announced would be decoded to that size.
    fn agree(&mut self, cursor: &Cursor<'_>, coded: Size, said: Size) -> Result<(), MediaError> {
        if coded != said {
            return Err(cursor.malformed("its pixels have another size than its header says"));
        }
        self.pixels = true;
        Ok(())
    }

    fn first_frame(&mut self, cursor: &Cursor<'_>, body: &[u8]) -> Result<(), MediaError> {
        let mut inside = cursor.within(body);
        let (x, y) = (inside.le24()? * 2, inside.le24()? * 2);
        let said = Size {
            width: inside.le24()? + 1,
            height: inside.le24()? + 1,
        };
        inside.skip(4)?;
        if x + said.width > self.size.width || y + said.height > self.size.height {
            return Err(cursor.malformed("its first frame is not on its canvas"));
        }
        let (mut kind, mut coded) = chunk(&mut inside)?;
        if &kind == b"ALPH" {
            (kind, coded) = chunk(&mut inside)?;
        }
        self.agree(cursor, frame(cursor, kind, coded)?.0, said)
    }
}
