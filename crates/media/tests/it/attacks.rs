//! Pictures that are sent to do harm, and what is said of each.

use stanchion_media::{Encoding, Extent, Format, MediaError, Pipeline, Refusal};

use crate::samples::{
    Seen, animated_webp, coded, extended_webp, gif, interlaced_png, jpeg, jpeg_with, png,
    png_by_hand, push_chunk, scene, transparent_webp, webp, with_chunk, zlib,
};

fn refused(picture: &[u8]) -> MediaError {
    Pipeline::default()
        .probe(picture, Extent::Whole)
        .unwrap_err()
}

fn samples() -> Vec<(Format, Vec<u8>)> {
    vec![
        (Format::Jpeg, jpeg(300, 200)),
        (
            Format::Jpeg,
            jpeg_with(&scene(300, 200), 300, 200, |encoder| {
                encoder.set_progressive(true);
            }),
        ),
        (Format::Png, png(300, 200)),
        (Format::Png, interlaced_png(30, 20)),
        (Format::Webp, webp(300, 200)),
        (Format::Webp, transparent_webp(300, 200)),
        (Format::Webp, animated_webp(30, 20, 2)),
        (Format::Gif, gif(300, 200, 2)),
    ]
}

#[test]
fn a_picture_that_is_cut_anywhere_is_refused() {
    let pipeline = Pipeline::default();
    for (expected, picture) in samples() {
        for eighths in (1..8).filter(|eighths| picture.len() * eighths / 8 >= 12) {
            let cut = &picture[..picture.len() * eighths / 8];
            let error = pipeline.probe(cut, Extent::Whole).unwrap_err();
            assert!(
                matches!(error, MediaError::Truncated { format } if format == expected),
                "{eighths}/8: {error}"
            );
            assert_eq!(error.refusal(), Refusal::Unprocessable);
        }
        let shorter = &picture[..picture.len() - 3];
        assert!(pipeline.probe(shorter, Extent::Whole).is_err());
    }
}

#[test]
fn a_picture_that_is_cut_and_closed_again_is_refused_or_rendered_as_far_as_it_goes() {
    let picture = jpeg(300, 200);
    let closed = [&picture[..picture.len() / 2], &[0xff, 0xd9]].concat();
    for codec in [
        stanchion_media::JpegCodec::Rust,
        stanchion_media::JpegCodec::Turbojpeg,
    ] {
        let mut pipeline = Pipeline::default();
        pipeline.recipe.jpeg_codec = codec;
        match pipeline.render(&closed, Encoding::Jpeg) {
            Ok(rendered) => assert_eq!(rendered.len(), 2),
            Err(MediaError::Recipe { .. }) => assert!(!codec.is_built()),
            Err(error) => assert_eq!(error.refusal(), Refusal::Unprocessable),
        }
    }
    let pixels = [&[0][..], &[9; 900]].concat();
    let few = png_by_hand(
        300,
        200,
        [8, 2, 0, 0, 0],
        &[(b"IDAT", zlib(&pixels.repeat(100)))],
    );
    assert!(Pipeline::default().render(&few, Encoding::Jpeg).is_err());
}

#[test]
fn a_few_bytes_that_claim_60000_by_60000_are_refused_by_their_header() {
    let mut lying_jpeg = jpeg(16, 16);
    let frame = lying_jpeg
        .windows(2)
        .position(|window| window == [0xff, 0xc0])
        .unwrap();
    lying_jpeg[frame + 5..frame + 9].copy_from_slice(&[0xea, 0x60, 0xea, 0x60]);
    let lying_png = png_by_hand(60_000, 60_000, [8, 2, 0, 0, 0], &[(b"IDAT", zlib(&[]))]);
    let lying_webp = extended_webp(0, 60_000, 60_000, &[(b"VP8 ", coded(&webp(16, 16)))]);
    let mut lying_gif = gif(16, 16, 1);
    lying_gif[6..10].copy_from_slice(&[0x60, 0xea, 0x60, 0xea]);
    for picture in [lying_jpeg, lying_png, lying_webp, lying_gif] {
        for extent in [Extent::Prefix, Extent::Whole] {
            let error = Pipeline::default().probe(&picture, extent).unwrap_err();
            assert!(
                matches!(
                    error,
                    MediaError::Side {
                        width: 60_000,
                        height: 60_000,
                        cap: 16_383
                    }
                ),
                "{error}"
            );
        }
    }
}

#[test]
fn a_side_of_nothing_is_refused() {
    let empty = png_by_hand(0, 10, [8, 2, 0, 0, 0], &[(b"IDAT", zlib(&[]))]);
    assert!(matches!(refused(&empty), MediaError::Side { width: 0, .. }));
    let mut no_lines = jpeg(16, 16);
    let frame = no_lines
        .windows(2)
        .position(|window| window == [0xff, 0xc0])
        .unwrap();
    no_lines[frame + 5..frame + 7].copy_from_slice(&[0, 0]);
    assert!(matches!(
        refused(&no_lines),
        MediaError::Side { height: 0, .. }
    ));
}

#[test]
fn more_than_50_megapixels_are_refused() {
    let picture = png_by_hand(16_000, 16_000, [8, 2, 0, 0, 0], &[(b"IDAT", zlib(&[]))]);
    assert!(matches!(
        refused(&picture),
        MediaError::Pixels {
            cap: 50_000_000,
            ..
        }
    ));
}

#[test]
fn more_than_25_megabytes_are_too_large() {
    let mut picture = jpeg(16, 16);
    picture.resize(25_000_001, 0);
    let error = refused(&picture);
    assert!(matches!(
        error,
        MediaError::TooManyBytes {
            cap_bytes: 25_000_000
        }
    ));
    assert_eq!(error.refusal().status(), 413);
}

#[test]
fn more_pixels_than_the_bytes_can_hold_are_refused() {
    let mut hollow = jpeg(16, 16);
    let frame = hollow
        .windows(2)
        .position(|window| window == [0xff, 0xc0])
        .unwrap();
    hollow[frame + 5..frame + 9].copy_from_slice(&[0x17, 0x70, 0x1f, 0x40]);
    assert!(matches!(
        refused(&hollow),
        MediaError::Hollow {
            width: 8000,
            height: 6000,
            ..
        }
    ));
    let hollow = png_by_hand(8000, 6000, [8, 2, 0, 0, 0], &[(b"IDAT", zlib(&[0; 100]))]);
    assert!(matches!(
        refused(&hollow),
        MediaError::Hollow {
            width: 8000,
            height: 6000,
            ..
        }
    ));
}

#[test]
fn many_chunks_of_text_are_refused_and_some_are_not_inflated() {
    let text = || (b"tEXt", b"Comment\0x".to_vec());
    let pixels = (b"IDAT", zlib(&[0; 4]));
    let mut chunks: Vec<(&[u8; 4], Vec<u8>)> = (0..10_001).map(|_| text()).collect();
    chunks.push((pixels.0, pixels.1.clone()));
    let deep = png_by_hand(1, 1, [8, 2, 0, 0, 0], &chunks);
    assert!(matches!(
        refused(&deep),
        MediaError::Parts { cap: 10_000, .. }
    ));

    // A text that inflates a thousandfold.
    let bomb = [&b"Comment\0\0"[..], &deflated_zeros(40_000_000)].concat();
    let picture = png_by_hand(
        1,
        1,
        [8, 2, 0, 0, 0],
        &[
            (b"zTXt", bomb.clone()),
            (b"iTXt", bomb),
            (pixels.0, pixels.1),
        ],
    );
    let rendered = Pipeline::default()
        .render(&picture, Encoding::Jpeg)
        .unwrap();
    assert_eq!(rendered.len(), 1);
}

/// What so many zeros deflate to: a PNG's pixels are deflated, too.
fn deflated_zeros(count: u32) -> Vec<u8> {
    let png = crate::samples::png_of(
        &vec![0; count as usize],
        count / 10_000,
        10_000,
        png::ColorType::Grayscale,
        png::BitDepth::Eight,
        |encoder| {
            encoder.set_compression(png::Compression::High);
        },
    );
    let start = png.windows(4).position(|window| window == b"IDAT").unwrap();
    let length = u32::from_be_bytes(png[start - 4..start].try_into().unwrap()) as usize;
    png[start + 4..start + 4 + length].to_vec()
}

#[test]
fn a_profile_that_inflates_without_end_is_ignored() {
    let bomb = [&b"profile\0\0"[..], &deflated_zeros(100_000_000)].concat();
    let picture = with_chunk(&png(30, 20), b"iCCP", &bomb);
    let rendered = Pipeline::default()
        .render(&picture, Encoding::Jpeg)
        .unwrap();
    assert!(Seen::of(&rendered[0]).distance_from_scene() < 6.0);
}

#[test]
fn an_endless_gif_is_cut_off_or_has_too_many_frames() {
    let many = gif(4, 4, 1_001);
    assert!(matches!(refused(&many), MediaError::Frames { cap: 1_000 }));
    let mut endless = gif(4, 4, 1);
    endless.pop();
    let comment = [0x21, 0xfe, 3, b'a', b'b', b'c', 0];
    while endless.len() < 60_000 {
        endless.extend(comment);
    }
    assert!(matches!(refused(&endless), MediaError::Truncated { .. }));
    endless.extend(comment.repeat(10_000));
    assert!(matches!(
        refused(&endless),
        MediaError::Parts { cap: 10_000, .. }
    ));
    assert_eq!(
        Pipeline::default()
            .render(&gif(4, 4, 1_000), Encoding::Jpeg)
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn an_animation_of_too_many_frames_is_refused() {
    let announced = with_chunk(&png(30, 20), b"acTL", &[0, 1, 0, 0, 0, 0, 0, 0]);
    assert!(matches!(refused(&announced), MediaError::Frames { .. }));
    let mut pipeline = Pipeline::default();
    pipeline.caps.frames = 3;
    let error = pipeline
        .probe(&animated_webp(30, 20, 4), Extent::Whole)
        .unwrap_err();
    assert!(matches!(error, MediaError::Frames { cap: 3 }));
}

#[test]
fn a_jpeg_of_many_scans_is_refused() {
    let picture = jpeg_with(&scene(64, 64), 64, 64, |encoder| {
        encoder.set_progressive_scans(8);
    });
    let last = picture
        .windows(2)
        .rposition(|window| window == [0xff, 0xda])
        .unwrap();
    let (before, scan) = picture[..picture.len() - 2].split_at(last);
    let bomb = [before, &scan.repeat(200), &[0xff, 0xd9]].concat();
    assert!(matches!(refused(&bomb), MediaError::Parts { cap: 100, .. }));
}

#[test]
fn pixels_of_another_size_than_the_header_says_are_refused() {
    let inner = coded(&webp(64, 64));
    let lying = extended_webp(0, 10, 10, &[(b"VP8 ", inner.clone())]);
    assert!(matches!(refused(&lying), MediaError::Malformed { .. }));
    let mut frame = vec![0; 6];
    frame.extend([9, 0, 0, 9, 0, 0, 100, 0, 0, 0]);
    frame.extend(b"VP8 ");
    frame.extend(u32::try_from(inner.len()).unwrap().to_le_bytes());
    frame.extend(&inner);
    let lying = extended_webp(2, 10, 10, &[(b"ANIM", vec![0; 6]), (b"ANMF", frame)]);
    assert!(matches!(refused(&lying), MediaError::Malformed { .. }));
}

#[test]
fn a_frame_beside_its_canvas_is_refused() {
    let mut picture = gif(20, 20, 1);
    picture[6..10].copy_from_slice(&[10, 0, 10, 0]);
    assert!(matches!(refused(&picture), MediaError::Malformed { .. }));
}

#[test]
fn what_is_no_picture_is_refused_by_name() {
    let named: [(&str, &[u8]); 12] = [
        (
            "SVG",
            b"<?xml version='1.0'?>\n<!-- --><svg onload='alert(1)'/>",
        ),
        (
            "SVG",
            b"\xef\xbb\xbf  \n<SVG xmlns='http://www.w3.org/2000/svg'></SVG>",
        ),
        ("XML or HTML", b"<!doctype html><script>alert(1)</script>"),
        (
            "PostScript",
            b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) (r) file",
        ),
        ("PostScript", b"\xc5\xd0\xd3\xc6aaaaaaaaaa"),
        ("PDF", b"%PDF-1.7 ...."),
        ("TIFF", b"II*\0aaaaaaaaaa"),
        ("BMP", b"BMaaaaaaaaaaaa"),
        ("HEIC", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"),
        ("a video", b"\0\0\0\x18ftypisom\0\0\0\0isomavc1"),
        ("JPEG XL", b"\xff\x0aaaaaaaaaaaa"),
        ("a ZIP archive", b"PK\x03\x04aaaaaaaaa"),
    ];
    for (expected, bytes) in named {
        let error = refused(bytes);
        assert!(
            matches!(&error, MediaError::Foreign { name } if name == expected),
            "{error}"
        );
        assert_eq!(error.refusal().status(), 415);
    }
    assert_eq!(refused(b"hello, this is text"), MediaError::Unknown);
    assert_eq!(refused(b""), MediaError::Unknown);
}

#[test]
fn avif_is_known_and_refused() {
    for brand in [
        &b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf"[..],
        b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf",
    ] {
        let error = refused(brand);
        assert_eq!(error, MediaError::Avif);
        assert_eq!(error.refusal().status(), 415);
    }
}

#[test]
fn kinds_that_are_not_decoded_are_refused_with_their_reason() {
    let change = |marker: u8, precision: u8| {
        let mut picture = jpeg(16, 16);
        let frame = picture
            .windows(2)
            .position(|window| window == [0xff, 0xc0])
            .unwrap();
        picture[frame + 1] = marker;
        picture[frame + 4] = precision;
        refused(&picture)
    };
    for (marker, precision, expected) in [
        (0xc3, 8, "lossless"),
        (0xc9, 8, "arithmetic"),
        (0xc5, 8, "hierarchical"),
        (0xc1, 12, "12 bits"),
    ] {
        let error = change(marker, precision);
        assert!(
            matches!(&error, MediaError::Unsupported { reason, .. } if reason.contains(expected)),
            "{error}"
        );
    }
}

#[test]
fn a_picture_in_a_picture_is_what_its_beginning_says() {
    // A script that is also a GIF, and a PNG with an archive behind it.
    let script = [b"GIF89a/*\0\0\0".as_slice(), b"*/=1;alert(1)"].concat();
    assert!(matches!(
        refused(&script),
        MediaError::Malformed { .. } | MediaError::Side { .. } | MediaError::Truncated { .. }
    ));
    let mut both = png(300, 200);
    push_chunk(&mut both, b"IDAT", b"PK\x03\x04");
    both.extend(b"PK\x05\x06");
    for rendered in Pipeline::default().render(&both, Encoding::Jpeg).unwrap() {
        assert!(!rendered.bytes.windows(2).any(|window| window == b"PK"));
    }
}

#[test]
fn every_refusal_has_a_written_form_and_a_sentence() {
    let errors = [
        refused(b"%PDF-1.7 ...."),
        refused(&jpeg(16, 16)[..100]),
        refused(&png_by_hand(0, 1, [8, 2, 0, 0, 0], &[])),
    ];
    let lines: Vec<String> = errors
        .iter()
        .map(|error| {
            let written = serde_json::to_string(error).unwrap();
            assert_eq!(
                &serde_json::from_str::<MediaError>(&written).unwrap(),
                error
            );
            format!("{written} {error}")
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"code":"foreign","name":"PDF"} PDF is not accepted; JPEG, PNG, WebP and GIF are
    {"code":"truncated","format":"jpeg"} the JPEG picture is cut off
    {"code":"side","width":0,"height":1,"cap":16383} the picture is 0 × 1; a side has 1 to 16383 pixels
    "#);
}
