use crate::Orientation;

const ORIENTATION: u16 = 0x0112;
const SHORT: u16 = 3;

/// The orientation in a block of EXIF, with or without its heading. What cannot be read is upright.
pub(super) fn orientation(block: &[u8]) -> Orientation {
    let tiff = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    tag(tiff)
        .and_then(Orientation::from_tag)
        .unwrap_or_default()
}

fn tag(tiff: &[u8]) -> Option<u16> {
    let order = match tiff.get(..4)? {
        b"II*\0" => u16::from_le_bytes,
        b"MM\0*" => u16::from_be_bytes,
        _ => return None,
    };
    let short = |at: usize| Some(order(*tiff.get(at..)?.first_chunk()?));
    let (low, high) = if tiff.starts_with(b"II") {
        (4, 6)
    } else {
        (6, 4)
    };
    let directory = usize::from(short(low)?) | usize::from(short(high)?) << 16;
    let entries = usize::from(short(directory)?);
    let entry = (0..entries)
        .map(|index| directory.saturating_add(2 + index * 12))
        .take_while(|&entry| entry < tiff.len())
        .find(|&entry| short(entry) == Some(ORIENTATION))?;
    (short(entry + 2)? == SHORT).then(|| short(entry + 8))?
}
