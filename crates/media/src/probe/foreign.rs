use crate::MediaError;

/// How far the root of a text is looked for.
const TEXT_BYTES: usize = 4096;

const BEGINNINGS: [(&[u8], &str); 13] = [
    (b"%PDF", "PDF"),
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "PostScript"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"BM", "BMP"),
    (b"8BPS", "Photoshop"),
    (b"\0\0\x01\0", "an icon"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\x1f\x8b", "gzip, compressed SVG included,"),
    (b"PK\x03\x04", "a ZIP archive"),
];

/// Says what is refused.
pub(super) fn name(bytes: &[u8]) -> MediaError {
    if bytes.get(4..8) == Some(b"ftyp") {
        return boxed(bytes);
    }
    let known = BEGINNINGS
        .iter()
        .find(|(beginning, _)| bytes.starts_with(beginning))
        .map(|&(_, name)| name);
    match known.or_else(|| text(bytes)) {
        Some(name) => foreign(name),
        None => MediaError::Unknown,
    }
}

fn foreign(name: &str) -> MediaError {
    MediaError::Foreign {
        name: name.to_owned(),
    }
}

/// A file of boxes: its major or a compatible brand says which.
fn boxed(bytes: &[u8]) -> MediaError {
    let brands = bytes.get(8..bytes.len().min(64)).unwrap_or_default();
    let has = |names: &[&[u8; 4]]| {
        brands
            .chunks_exact(4)
            .any(|brand| names.iter().any(|name| *name == brand))
    };
    if has(&[b"avif", b"avis"]) {
        MediaError::Avif
    } else if has(&[b"heic", b"heix", b"heim", b"mif1", b"msf1"]) {
        foreign("HEIC")
    } else {
        foreign("a video")
    }
}

/// SVG is XML, and XML is text that begins with an angle bracket.
fn text(bytes: &[u8]) -> Option<&'static str> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = bytes.trim_ascii_start();
    let head = text.get(..text.len().min(TEXT_BYTES))?;
    if head.first() != Some(&b'<') {
        return None;
    }
    let svg = head
        .windows(4)
        .any(|window| window.eq_ignore_ascii_case(b"<svg"));
    Some(if svg { "SVG" } else { "XML or HTML" })
}
