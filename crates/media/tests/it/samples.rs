//! Pictures to send, made by encoders that are not ours where there are some, and by hand where there are none.

use std::borrow::Cow;
use std::io::Cursor;

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use stanchion_media::Rendered;

/// A scene that is no other when turned or mirrored: red grows to the right, green downwards, and a corner is blue.
pub(crate) fn scene(width: u32, height: u32) -> Vec<u8> {
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            pixels.extend_from_slice(&colour(x, y, width, height));
        }
    }
    pixels
}

pub(crate) fn colour(x: u32, y: u32, width: u32, height: u32) -> [u8; 3] {
    let part = |at: u32, of: u32| u8::try_from(at * 255 / of.max(1)).unwrap();
    let corner = x < width / 4 && y < height / 4;
    [
        part(x, width),
        part(y, height),
        if corner { 255 } else { 40 },
    ]
}

pub(crate) fn jpeg(width: u32, height: u32) -> Vec<u8> {
    jpeg_with(&scene(width, height), width, height, |_| {})
}

pub(crate) fn jpeg_with(
    pixels: &[u8],
    width: u32,
    height: u32,
    set: impl FnOnce(&mut Encoder<&mut Vec<u8>>),
) -> Vec<u8> {
    jpeg_of(pixels, width, height, ColorType::Rgb, set)
}

pub(crate) fn jpeg_of(
    pixels: &[u8],
    width: u32,
    height: u32,
    colours: ColorType,
    set: impl FnOnce(&mut Encoder<&mut Vec<u8>>),
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 92);
    encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
    set(&mut encoder);
    let (width, height) = (width.try_into().unwrap(), height.try_into().unwrap());
    encoder.encode(pixels, width, height, colours).unwrap();
    bytes
}

/// A block of EXIF with an orientation and the place where the picture was taken.
pub(crate) fn exif(orientation: u16) -> Vec<u8> {
    let mut block = b"MM\0*\0\0\0\x08\0\x02".to_vec();
    block.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1]);
    block.extend(orientation.to_be_bytes());
    block.extend([0, 0]);
    block.extend([0x88, 0x25, 0, 4, 0, 0, 0, 1, 0, 0, 0, 38]);
    block.extend([0; 4]);
    block.extend([0, 1, 0, 1, 0, 2, 0, 0, 0, 2]);
    block.extend(b"GPS!");
    block.extend([0; 4]);
    block
}

pub(crate) fn png(width: u32, height: u32) -> Vec<u8> {
    png_of(
        &scene(width, height),
        width,
        height,
        png::ColorType::Rgb,
        png::BitDepth::Eight,
        |_| {},
    )
}

pub(crate) fn png_of(
    data: &[u8],
    width: u32,
    height: u32,
    colours: png::ColorType,
    depth: png::BitDepth,
    set: impl FnOnce(&mut png::Encoder<'_, &mut Vec<u8>>),
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(colours);
    encoder.set_depth(depth);
    set(&mut encoder);
    encoder
        .write_header()
        .unwrap()
        .write_image_data(data)
        .unwrap();
    bytes
}

/// A PNG whose header says so and so, with the chunks that follow it.
pub(crate) fn png_by_hand(
    width: u32,
    height: u32,
    format: [u8; 5],
    chunks: &[(&[u8; 4], Vec<u8>)],
) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend(format);
    push_chunk(&mut bytes, b"IHDR", &header);
    for (kind, body) in chunks {
        push_chunk(&mut bytes, kind, body);
    }
    push_chunk(&mut bytes, b"IEND", &[]);
    bytes
}

/// A PNG with another chunk right behind its header.
pub(crate) fn with_chunk(png: &[u8], kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let (header, rest) = png.split_at(33);
    let mut bytes = header.to_vec();
    push_chunk(&mut bytes, kind, body);
    bytes.extend(rest);
    bytes
}

pub(crate) fn push_chunk(bytes: &mut Vec<u8>, kind: &[u8; 4], body: &[u8]) {
    bytes.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
    let start = bytes.len();
    bytes.extend(kind);
    bytes.extend(body);
    let mut sum = u32::MAX;
    for &byte in &bytes[start..] {
        sum ^= u32::from(byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg());
        }
    }
    bytes.extend((!sum).to_be_bytes());
}

/// Deflate without compression.
pub(crate) fn zlib(data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x78, 0x01];
    let mut blocks = data.chunks(0xffff).peekable();
    while let Some(block) = blocks.next() {
        bytes.push(u8::from(blocks.peek().is_none()));
        let length = u16::try_from(block.len()).unwrap();
        bytes.extend(length.to_le_bytes());
        bytes.extend((!length).to_le_bytes());
        bytes.extend(block);
    }
    let (mut a, mut b) = (1_u32, 0_u32);
    for &byte in data {
        a = (a + u32::from(byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    bytes.extend((b << 16 | a).to_be_bytes());
    bytes
}

/// The scene in seven passes.
pub(crate) fn interlaced_png(width: u32, height: u32) -> Vec<u8> {
    let passes = [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ];
    let mut data = Vec::new();
    for (left, top, across, down) in passes {
        for y in (top..height).step_by(down) {
            data.push(0);
            for x in (left..width).step_by(across) {
                data.extend(colour(x, y, width, height));
            }
        }
    }
    png_by_hand(width, height, [8, 2, 0, 0, 1], &[(b"IDAT", zlib(&data))])
}

pub(crate) fn webp(width: u32, height: u32) -> Vec<u8> {
    webp::Encoder::from_rgb(&scene(width, height), width, height)
        .encode(90.0)
        .to_vec()
}

/// Lossless, its left half invisible and of a colour that must not show.
pub(crate) fn transparent_webp(width: u32, height: u32) -> Vec<u8> {
    webp::Encoder::from_rgba(&half_invisible(width, height), width, height)
        .encode_lossless()
        .to_vec()
}

/// The left half is an invisible green, the right half a visible red.
pub(crate) fn half_invisible(width: u32, height: u32) -> Vec<u8> {
    let pixel = |x| {
        if x < width / 2 {
            [0, 255, 0, 0]
        } else {
            [200, 0, 0, 255]
        }
    };
    (0..height)
        .flat_map(|_| (0..width).flat_map(pixel))
        .collect()
}

/// WebP with extensions: flags, a canvas and chunks.
pub(crate) fn extended_webp(
    flags: u8,
    width: u32,
    height: u32,
    chunks: &[(&[u8; 4], Vec<u8>)],
) -> Vec<u8> {
    let mut body = b"WEBP".to_vec();
    let canvas = [
        &[flags, 0, 0, 0][..],
        &(width - 1).to_le_bytes()[..3],
        &(height - 1).to_le_bytes()[..3],
    ]
    .concat();
    push_riff(&mut body, b"VP8X", &canvas);
    for (kind, chunk) in chunks {
        push_riff(&mut body, kind, chunk);
    }
    let mut bytes = Vec::new();
    push_riff(&mut bytes, b"RIFF", &body);
    bytes
}

fn push_riff(bytes: &mut Vec<u8>, kind: &[u8; 4], body: &[u8]) {
    bytes.extend(kind);
    bytes.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
    bytes.extend(body);
    if body.len() % 2 == 1 {
        bytes.push(0);
    }
}

/// The coded pixels of a plain WebP.
pub(crate) fn coded(webp: &[u8]) -> Vec<u8> {
    assert_eq!(&webp[12..16], b"VP8 ");
    let length = u32::from_le_bytes(webp[16..20].try_into().unwrap()) as usize;
    webp[20..20 + length].to_vec()
}

/// Frames of the same size; the first shows the scene, the others nothing but black.
pub(crate) fn animated_webp(width: u32, height: u32, frames: usize) -> Vec<u8> {
    let frame = |pixels: &[u8]| {
        let encoded = webp::Encoder::from_rgb(pixels, width, height)
            .encode(90.0)
            .to_vec();
        let mut body = vec![0; 6];
        body.extend(&(width - 1).to_le_bytes()[..3]);
        body.extend(&(height - 1).to_le_bytes()[..3]);
        body.extend([100, 0, 0, 0]);
        push_riff(&mut body, b"VP8 ", &coded(&encoded));
        body
    };
    let black = vec![0; scene(width, height).len()];
    let mut chunks: Vec<(&[u8; 4], Vec<u8>)> = vec![
        (b"ANIM", vec![0; 6]),
        (b"ANMF", frame(&scene(width, height))),
    ];
    chunks.extend((1..frames).map(|_| (b"ANMF", frame(&black))));
    extended_webp(0x02, width, height, &chunks)
}

/// Frames of the same size; the first shows the scene in six levels of each colour, the others are black.
pub(crate) fn gif(width: u32, height: u32, frames: usize) -> Vec<u8> {
    let level = |value: u8| value / 43;
    let indices: Vec<u8> = scene(width, height)
        .as_chunks::<3>()
        .0
        .iter()
        .map(|&[r, g, b]| level(r) * 36 + level(g) * 6 + level(b))
        .collect();
    gif_of(width, height, &indices, frames, |_| {})
}

pub(crate) fn gif_of(
    width: u32,
    height: u32,
    indices: &[u8],
    frames: usize,
    set: impl FnOnce(&mut gif::Frame<'_>),
) -> Vec<u8> {
    let palette: Vec<u8> = (0..216_u8)
        .flat_map(|index| {
            [
                index / 36 * 43 + 20,
                index / 6 % 6 * 43 + 20,
                index % 6 * 43 + 20,
            ]
        })
        .collect();
    let (wide, high) = (
        u16::try_from(width).unwrap(),
        u16::try_from(height).unwrap(),
    );
    let mut bytes = Vec::new();
    let mut encoder = gif::Encoder::new(&mut bytes, wide, high, &palette).unwrap();
    let mut first = gif::Frame {
        width: wide,
        height: high,
        buffer: Cow::Borrowed(indices),
        ..gif::Frame::default()
    };
    set(&mut first);
    encoder.write_frame(&first).unwrap();
    let black = vec![0; indices.len()];
    for _ in 1..frames {
        let frame = gif::Frame {
            width: wide,
            height: high,
            buffer: Cow::Borrowed(&black),
            ..gif::Frame::default()
        };
        encoder.write_frame(&frame).unwrap();
    }
    drop(encoder);
    bytes
}

/// The pixels of a rendition, by decoders that are not what made it.
pub(crate) struct Seen {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) channels: usize,
    pub(crate) pixels: Vec<u8>,
}

impl Seen {
    pub(crate) fn of(rendered: &Rendered) -> Self {
        let seen = if rendered.bytes.starts_with(b"RIFF") {
            Self::webp(&rendered.bytes)
        } else {
            Self::jpeg(&rendered.bytes)
        };
        assert_eq!(
            (seen.width, seen.height),
            (rendered.rendition.width, rendered.rendition.height)
        );
        seen
    }

    pub(crate) fn jpeg(bytes: &[u8]) -> Self {
        let mut decoder = jpeg_decoder::Decoder::new(bytes);
        let pixels = decoder.decode().unwrap();
        let info = decoder.info().unwrap();
        assert_eq!(info.pixel_format, jpeg_decoder::PixelFormat::RGB24);
        Self {
            width: info.width.into(),
            height: info.height.into(),
            channels: 3,
            pixels,
        }
    }

    fn webp(bytes: &[u8]) -> Self {
        let mut decoder = image_webp::WebPDecoder::new(Cursor::new(bytes)).unwrap();
        let mut pixels = vec![0; decoder.output_buffer_size().unwrap()];
        decoder.read_image(&mut pixels).unwrap();
        let (width, height) = decoder.dimensions();
        let channels = if decoder.has_alpha() { 4 } else { 3 };
        Self {
            width,
            height,
            channels,
            pixels,
        }
    }

    pub(crate) fn at(&self, x: u32, y: u32) -> &[u8] {
        let start = (y * self.width + x) as usize * self.channels;
        &self.pixels[start..start + self.channels]
    }

    /// How far from the scene a value is on average, 0 to 255.
    pub(crate) fn distance_from_scene(&self) -> f64 {
        assert_eq!(self.channels, 3);
        distance(&self.pixels, &scene(self.width, self.height))
    }
}

/// How far two pictures are from each other on average, 0 to 255.
pub(crate) fn distance(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let sum: u64 = a
        .iter()
        .zip(b)
        .map(|(&a, &b)| u64::from(a.abs_diff(b)))
        .sum();
    sum as f64 / a.len() as f64
}
