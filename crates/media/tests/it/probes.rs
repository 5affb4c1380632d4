//! What the header of a picture says.

use jpeg_encoder::ColorType;
use stanchion_media::{Channels, Extent, Format, MediaError, PREFIX_BYTES, Pipeline, Probed};

use crate::samples::{
    animated_webp, gif, interlaced_png, jpeg, jpeg_of, jpeg_with, png, png_by_hand, png_of, scene,
    transparent_webp, webp, zlib,
};

fn probe(picture: &[u8]) -> Probed {
    Pipeline::default().probe(picture, Extent::Whole).unwrap()
}

#[test]
fn each_format_is_known_by_its_bytes() {
    let pictures = [
        (jpeg(40, 30), Format::Jpeg),
        (png(40, 30), Format::Png),
        (webp(40, 30), Format::Webp),
        (transparent_webp(40, 30), Format::Webp),
        (gif(40, 30, 1), Format::Gif),
    ];
    for (picture, format) in pictures {
        let probed = probe(&picture);
        assert_eq!(
            (probed.format, probed.width, probed.height),
            (format, 40, 30)
        );
        assert_eq!(
            (probed.bit_depth, probed.animated, probed.progressive),
            (8, false, false)
        );
    }
}

#[test]
fn channels_are_those_of_the_decoded_picture() {
    let inks = vec![9; 40 * 30 * 4];
    let eight = |colours, count: usize| {
        png_of(
            &vec![9; 40 * 30 * count],
            40,
            30,
            colours,
            png::BitDepth::Eight,
            |_| {},
        )
    };
    let palette = |opacities: Option<Vec<u8>>| {
        png_of(
            &[0; 20 * 30],
            40,
            30,
            png::ColorType::Indexed,
            png::BitDepth::Four,
            |encoder| {
                encoder.set_palette(vec![1, 2, 3, 4, 5, 6]);
                if let Some(opacities) = opacities {
                    encoder.set_trns(opacities);
                }
            },
        )
    };
    let pictures = [
        (jpeg(40, 30), Channels::Rgb),
        (
            jpeg_of(&inks[..1200], 40, 30, ColorType::Luma, |_| {}),
            Channels::Gray,
        ),
        (
            jpeg_of(&inks, 40, 30, ColorType::Cmyk, |_| {}),
            Channels::Cmyk,
        ),
        (eight(png::ColorType::Grayscale, 1), Channels::Gray),
        (
            eight(png::ColorType::GrayscaleAlpha, 2),
            Channels::GrayAlpha,
        ),
        (eight(png::ColorType::Rgba, 4), Channels::Rgba),
        (palette(None), Channels::Rgb),
        (palette(Some(vec![0, 255])), Channels::Rgba),
        (webp(40, 30), Channels::Rgb),
        (transparent_webp(40, 30), Channels::Rgba),
    ];
    for (picture, channels) in pictures {
        assert_eq!(probe(&picture).channels, channels);
        Pipeline::default()
            .render(&picture, stanchion_media::Encoding::Jpeg)
            .unwrap();
    }
}

#[test]
fn progressive_interlaced_and_animated_pictures_are_told() {
    let progressive = jpeg_with(&scene(40, 30), 40, 30, |encoder| {
        encoder.set_progressive(true);
    });
    assert!(probe(&progressive).progressive);
    assert!(probe(&interlaced_png(40, 30)).progressive);
    assert!(probe(&gif(40, 30, 2)).animated);
    assert!(probe(&animated_webp(40, 30, 2)).animated);
    let apng = png_of(
        &scene(40, 30),
        40,
        30,
        png::ColorType::Rgb,
        png::BitDepth::Eight,
        |_| {},
    );
    let apng = crate::samples::with_chunk(&apng, b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]);
    assert!(probe(&apng).animated);
    assert_eq!(
        probe(&png_of(
            &[0; 40 * 30 * 2],
            40,
            30,
            png::ColorType::Grayscale,
            png::BitDepth::Sixteen,
            |_| {}
        ))
        .bit_depth,
        16
    );
}

#[test]
fn a_prefix_says_what_the_whole_says_or_asks_for_more() {
    let pipeline = Pipeline::default();
    for picture in [
        jpeg(400, 300),
        png(400, 300),
        webp(400, 300),
        animated_webp(40, 30, 1),
        transparent_webp(400, 300),
        gif(40, 30, 1),
    ] {
        let whole = probe(&picture);
        let mut known = false;
        for length in 0..picture.len().min(2000) {
            match pipeline.probe(&picture[..length], Extent::Prefix) {
                Ok(probed) => {
                    known = true;
                    let memory_bytes = whole.memory_bytes;
                    assert!(probed.memory_bytes <= memory_bytes);
                    assert_eq!(
                        Probed {
                            memory_bytes,
                            ..probed
                        },
                        whole,
                        "{length} bytes"
                    );
                }
                Err(MediaError::MoreNeeded) => assert!(!known, "{length} bytes"),
                Err(error) => panic!("{length} bytes: {error}"),
            }
        }
        assert!(known, "{:?}", whole.format);
    }
}

#[test]
fn a_large_profile_fits_into_the_prefix() {
    let profile = vec![7; 600_000];
    let picture = jpeg_with(&scene(400, 300), 400, 300, |encoder| {
        encoder.add_icc_profile(&profile).unwrap();
    });
    let pipeline = Pipeline::default();
    let early = pipeline.probe(&picture[..500_000], Extent::Prefix);
    assert!(matches!(early, Err(MediaError::MoreNeeded)));
    let prefix = &picture[..picture.len().min(PREFIX_BYTES)];
    assert_eq!(pipeline.probe(prefix, Extent::Prefix).unwrap().width, 400);
}

#[test]
fn a_name_does_not_matter_and_neither_does_what_follows() {
    let mut picture = jpeg(40, 30);
    picture.extend(b"PK\x03\x04 and a whole archive");
    assert_eq!(probe(&picture).format, Format::Jpeg);
    let mut picture = png(40, 30);
    picture.extend(b"<script>alert(1)</script>");
    assert_eq!(probe(&picture).format, Format::Png);
}

#[test]
fn the_written_form_of_what_was_probed_is_read_back() {
    let probed = probe(&jpeg(40, 30));
    let text = serde_json::to_string(&probed).unwrap();
    assert_eq!(serde_json::from_str::<Probed>(&text).unwrap(), probed);
    insta::assert_snapshot!(text, @r#"{"format":"jpeg","width":40,"height":30,"bit_depth":8,"channels":"rgb","progressive":false,"animated":false,"orientation":1,"memory_bytes":12033357}"#);
}

#[test]
fn a_png_of_every_depth_is_probed_and_rendered() {
    for (depth, row_bytes) in [(1, 5), (2, 10), (4, 20)] {
        let rows = [&[0][..], &vec![0b0101_0101; row_bytes]]
            .concat()
            .repeat(30);
        let picture = png_by_hand(40, 30, [depth, 0, 0, 0, 0], &[(b"IDAT", zlib(&rows))]);
        assert_eq!(probe(&picture).bit_depth, depth);
        Pipeline::default()
            .render(&picture, stanchion_media::Encoding::Jpeg)
            .unwrap();
    }
}
