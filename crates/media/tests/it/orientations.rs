//! All eight orientations come out the same.

use std::path::Path;

use stanchion_media::{Encoding, Extent, Orientation, Pipeline};

use crate::samples::{
    Seen, coded, colour, distance, exif, extended_webp, jpeg_with, png_of, scene, with_chunk,
};

/// Where a pixel of the upright picture is stored, as the standard says: upright place and size to stored place.
fn stored(orientation: u16, (x, y): (u32, u32), (width, height): (u32, u32)) -> (u32, u32) {
    let (right, bottom) = (width - 1 - x, height - 1 - y);
    match orientation {
        1 => (x, y),
        2 => (right, y),
        3 => (right, bottom),
        4 => (x, bottom),
        5 => (y, x),
        6 => (y, right),
        7 => (bottom, right),
        _ => (bottom, x),
    }
}

/// The scene, stored so that the orientation makes it upright.
fn turned(orientation: u16, width: u32, height: u32) -> (Vec<u8>, u32, u32) {
    let (wide, high) = if orientation < 5 {
        (width, height)
    } else {
        (height, width)
    };
    let mut pixels = vec![0; (width * height * 3) as usize];
    for y in 0..height {
        for x in 0..width {
            let (stored_x, stored_y) = stored(orientation, (x, y), (width, height));
            let start = ((stored_y * wide + stored_x) * 3) as usize;
            pixels[start..start + 3].copy_from_slice(&colour(x, y, width, height));
        }
    }
    (pixels, wide, high)
}

fn generated() -> Vec<Vec<u8>> {
    let one = |orientation| {
        let (pixels, width, height) = turned(orientation, 600, 450);
        jpeg_with(&pixels, width, height, |encoder| {
            encoder.add_exif_metadata(&exif(orientation)).unwrap();
        })
    };
    (1..=8).map(one).collect()
}

/// Pictures of one landscape in all orientations, from the data set or of the same shape.
fn landscapes() -> Vec<Vec<u8>> {
    let Some(data) = std::env::var_os("STANCHION_DATA") else {
        eprintln!("orientations: generated, since STANCHION_DATA is not set");
        return generated();
    };
    let folder = Path::new(&data).join("images/exif-orientation");
    eprintln!("orientations: {}", folder.display());
    (1..=8)
        .map(|orientation| {
            std::fs::read(folder.join(format!("Landscape_{orientation}.jpg"))).unwrap()
        })
        .collect()
}

fn all_alike(pictures: &[Vec<u8>]) {
    let pipeline = Pipeline::default();
    let mut first: Option<Seen> = None;
    for (index, picture) in pictures.iter().enumerate() {
        let probed = pipeline.probe(picture, Extent::Whole).unwrap();
        assert_eq!(usize::from(u8::from(probed.orientation)), index + 1);
        let rendered = pipeline.render(picture, Encoding::Jpeg).unwrap();
        let seen = Seen::of(rendered.last().unwrap());
        if let Some(first) = &first {
            assert_eq!((seen.width, seen.height), (first.width, first.height));
            let distance = distance(&seen.pixels, &first.pixels);
            assert!(distance < 4.0, "orientation {}: {distance}", index + 1);
        } else {
            first = Some(seen);
        }
    }
}

#[test]
fn all_eight_orientations_render_the_same_upright_picture() {
    all_alike(&landscapes());
}

#[test]
fn generated_orientations_render_the_scene() {
    let pictures = generated();
    all_alike(&pictures);
    for picture in &pictures {
        let rendered = Pipeline::default().render(picture, Encoding::Jpeg).unwrap();
        assert!(Seen::of(&rendered[0]).distance_from_scene() < 4.0);
    }
}

#[test]
#[should_panic(expected = "orientation 2")]
fn a_wrong_orientation_is_seen() {
    let mut pictures = generated();
    let (pixels, width, height) = turned(4, 600, 450);
    pictures[1] = jpeg_with(&pixels, width, height, |encoder| {
        encoder.add_exif_metadata(&exif(2)).unwrap();
    });
    all_alike(&pictures);
}

#[test]
fn png_and_webp_are_turned_by_their_exif_too() {
    let (pixels, width, height) = turned(6, 300, 200);
    let png = png_of(
        &pixels,
        width,
        height,
        png::ColorType::Rgb,
        png::BitDepth::Eight,
        |_| {},
    );
    let png = with_chunk(&png, b"eXIf", &exif(6));
    let webp = webp::Encoder::from_rgb(&pixels, width, height)
        .encode(90.0)
        .to_vec();
    let webp = extended_webp(
        0x08,
        width,
        height,
        &[(b"VP8 ", coded(&webp)), (b"EXIF", exif(6))],
    );
    let pipeline = Pipeline::default();
    for picture in [&png, &webp] {
        let probed = pipeline.probe(picture, Extent::Whole).unwrap();
        assert_eq!(probed.orientation, Orientation::Clockwise);
        assert_eq!(
            (probed.upright().width, probed.upright().height),
            (300, 200)
        );
        let rendered = pipeline.render(picture, Encoding::Jpeg).unwrap();
        assert!(Seen::of(&rendered[0]).distance_from_scene() < 6.0);
    }
}

#[test]
fn an_orientation_that_is_none_is_upright() {
    let pipeline = Pipeline::default();
    for tag in [0, 9, 0xffff] {
        let picture = jpeg_with(&scene(64, 48), 64, 48, |encoder| {
            encoder.add_exif_metadata(&exif(tag)).unwrap();
        });
        let probed = pipeline.probe(&picture, Extent::Whole).unwrap();
        assert_eq!(probed.orientation, Orientation::Upright);
    }
}
