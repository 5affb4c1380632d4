use super::cursor::{Counter, Cursor};
use super::memory::Held;
use super::{Header, exif, fit};
use crate::{Caps, Channels, Extent, Format, MediaError, Orientation, Size};

const TEMPORARY: u8 = 0x01;
const FRAMES: std::ops::RangeInclusive<u8> = 0xc0..=0xcf;
const HUFFMAN: u8 = 0xc4;
const ARITHMETIC: u8 = 0xcc;
const RESTARTS: std::ops::RangeInclusive<u8> = 0xd0..=0xd7;
const END: u8 = 0xd9;
const SCAN: u8 = 0xda;
const HIERARCHY: u8 = 0xde;
const EXIF: u8 = 0xe1;
const ADOBE: u8 = 0xee;

#[derive(Default)]
struct Segments {
    frame: Option<Frame>,
    orientation: Option<Orientation>,
    adobe: bool,
    scans: u32,
    ended: bool,
}

struct Frame {
    size: Size,
    channels: Channels,
    progressive: bool,
    /// Horizontal and vertical sampling of each component.
    sampling: Vec<(u64, u64)>,
}

pub(super) fn read(cursor: Cursor<'_>, caps: &Caps) -> Result<Header, MediaError> {
    let segments = walk(cursor, caps)?;
    let Some(frame) = segments.frame else {
        return Err(cursor.malformed("it has no frame"));
    };
    if segments.scans == 0 && segments.ended {
        return Err(cursor.malformed("it has no scan"));
    }
    if !cursor.is_prefix() && !frame.progressive && frame.least_bytes() > cursor.len() {
        return Err(MediaError::Hollow {
            format: Format::Jpeg,
            width: frame.size.width,
            height: frame.size.height,
        });
    }
    Ok(Header {
        size: frame.size,
        bit_depth: 8,
        channels: frame.channels,
        progressive: frame.progressive,
        animated: false,
        orientation: segments.orientation.unwrap_or_default(),
        held: Held::Planes {
            bytes: frame.plane_bytes(),
            coefficients: frame.progressive,
        },
    })
}

/// Whether a JPEG of four inks was written by Adobe's rule, which stores what is left blank.
pub(crate) fn inks_are_inverted(bytes: &[u8]) -> bool {
    let cursor = Cursor::new(bytes, Extent::Prefix, Format::Jpeg);
    walk(cursor, &Caps::default()).is_ok_and(|segments| segments.adobe)
}

/// Goes from marker to marker. A prefix may end anywhere behind the frame's header.
fn walk(mut cursor: Cursor<'_>, caps: &Caps) -> Result<Segments, MediaError> {
    let mut segments = Segments::default();
    let mut parts = Counter::parts(Format::Jpeg, "segments", caps.parts);
    let mut scans = Counter::parts(Format::Jpeg, "scans", caps.scans);
    cursor.skip(2)?;
    while !segments.ended {
        let marker = match marker(&mut cursor, segments.scans > 0) {
            Err(MediaError::MoreNeeded) if segments.frame.is_some() => break,
            marker => marker?,
        };
        if marker == SCAN {
            scans.count()?;
        }
        parts.count()?;
        match segment(&mut cursor, marker, &mut segments, caps) {
            Err(MediaError::MoreNeeded) if segments.frame.is_some() => break,
            done => done?,
        }
    }
    Ok(segments)
}

/// The next marker. Behind the first scan, coded pixels are skipped.
fn marker(cursor: &mut Cursor<'_>, scanned: bool) -> Result<u8, MediaError> {
    loop {
        if scanned {
            cursor.past(0xff)?;
        } else if cursor.byte()? != 0xff {
            return Err(cursor.malformed("a marker is missing"));
        }
        let mut marker = cursor.byte()?;
        while marker == 0xff {
            marker = cursor.byte()?;
        }
        if !(scanned && (marker == 0 || RESTARTS.contains(&marker))) {
            return Ok(marker);
        }
    }
}

fn segment(
    cursor: &mut Cursor<'_>,
    marker: u8,
    segments: &mut Segments,
    caps: &Caps,
) -> Result<(), MediaError> {
    if marker == END {
        segments.ended = true;
        return Ok(());
    }
    if marker == TEMPORARY || RESTARTS.contains(&marker) {
        return Ok(());
    }
    let length = usize::from(cursor.be16()?);
    let Some(length) = length.checked_sub(2) else {
        return Err(cursor.malformed("a segment is shorter than its length"));
    };
    let body = cursor.take(length)?;
    match marker {
        HUFFMAN => {}
        ARITHMETIC => return Err(cursor.unsupported("arithmetic coding")),
        HIERARCHY => return Err(cursor.unsupported("hierarchical")),
        SCAN if segments.frame.is_none() => {
            return Err(cursor.malformed("a scan comes before the frame"));
        }
        SCAN => segments.scans += 1,
        marker if FRAMES.contains(&marker) => {
            if segments.frame.is_some() {
                return Err(cursor.malformed("it has two frames"));
            }
            segments.frame = Some(Frame::read(cursor, marker, body, caps)?);
        }
        EXIF if segments.orientation.is_none() && body.starts_with(b"Exif\0\0") => {
            segments.orientation = Some(exif::orientation(body));
        }
        ADOBE if body.starts_with(b"Adobe") => segments.adobe = true,
        _ => {}
    }
    Ok(())
}

impl Frame {
    fn read(cursor: &Cursor<'_>, marker: u8, body: &[u8], caps: &Caps) -> Result<Self, MediaError> {
        let progressive = match marker {
            0xc0 | 0xc1 => false,
            0xc2 => true,
            0xc3 => return Err(cursor.unsupported("lossless")),
            _ => return Err(cursor.unsupported("hierarchical or arithmetic coding")),
        };
        let Some((&[precision, h1, h2, w1, w2, count], components)) = body.split_first_chunk()
        else {
            return Err(cursor.malformed("the frame's header is too short"));
        };
        if precision != 8 {
            return Err(cursor.unsupported(format_args!("{precision} bits a channel")));
        }
        let channels = match count {
            1 => Channels::Gray,
            3 => Channels::Rgb,
            4 => Channels::Cmyk,
            _ => return Err(cursor.unsupported(format_args!("{count} channels"))),
        };
        let (components, rest) = components.as_chunks::<3>();
        if components.len() != usize::from(count) || !rest.is_empty() {
            return Err(cursor.malformed("the frame's header has another length"));
        }
        let sampling: Vec<(u64, u64)> = components
            .iter()
            .map(|&[_, factors, _]| (u64::from(factors >> 4), u64::from(factors & 15)))
            .collect();
        let usual = 1..=4;
        if !sampling
            .iter()
            .all(|(h, v)| usual.contains(h) && usual.contains(v))
        {
            return Err(cursor.malformed("a sampling factor is not 1 to 4"));
        }
        let size = Size {
            width: u16::from_be_bytes([w1, w2]).into(),
            height: u16::from_be_bytes([h1, h2]).into(),
        };
        Ok(Self {
            size: fit(size, caps)?,
            channels,
            progressive,
            sampling,
        })
    }

    /// The largest sampling of all components.
    fn largest(&self) -> (u64, u64) {
        let largest =
            |(h, v): (u64, u64), &(other_h, other_v): &(u64, u64)| (h.max(other_h), v.max(other_v));
        self.sampling.iter().fold((1, 1), largest)
    }

    /// What all components take at full size, filled up to whole units.
    fn plane_bytes(&self) -> u64 {
        let (h, v) = self.largest();
        let columns = u64::from(self.size.width).div_ceil(8 * h);
        let rows = u64::from(self.size.height).div_ceil(8 * v);
        let blocks: u64 = self
            .sampling
            .iter()
            .map(|(h, v)| columns * h * rows * v)
            .sum();
        blocks * 64
    }

    /// What a sequential picture has at least: two bits in each block, filled up or not.
    fn least_bytes(&self) -> u64 {
        let (largest_h, largest_v) = self.largest();
        let blocks = |length: u32, factor: u64, largest: u64| {
            (u64::from(length) * factor).div_ceil(largest) / 8
        };
        let all: u64 = self
            .sampling
            .iter()
            .map(|&(h, v)| {
                blocks(self.size.width, h, largest_h) * blocks(self.size.height, v, largest_v)
            })
            .sum();
        all / 4
    }
}
