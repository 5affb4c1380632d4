//! What comes of a picture.

use jpeg_encoder::{ColorType, SamplingFactor};
use stanchion_media::{Encoding, Extent, JpegCodec, Light, MediaError, Pipeline, Recipe, Refusal};

use crate::samples::{
    Seen, animated_webp, exif, gif, gif_of, half_invisible, interlaced_png, jpeg, jpeg_of,
    jpeg_with, png, png_of, scene, transparent_webp, webp,
};

fn sizes(pipeline: &Pipeline, picture: &[u8], encoding: Encoding) -> Vec<(u32, u32)> {
    let rendered = pipeline.render(picture, encoding).unwrap();
    let seen = rendered.iter().map(Seen::of);
    seen.map(|seen| (seen.width, seen.height)).collect()
}

fn shows_the_scene(picture: &[u8], tolerance: f64) {
    let codecs = [JpegCodec::Rust, JpegCodec::Turbojpeg];
    for jpeg_codec in codecs.into_iter().filter(|codec| codec.is_built()) {
        let mut pipeline = Pipeline::default();
        pipeline.recipe.jpeg_codec = jpeg_codec;
        for encoding in Encoding::ALL {
            for rendered in pipeline.render(picture, encoding).unwrap() {
                let mut seen = Seen::of(&rendered);
                if seen.channels == 4 {
                    seen.pixels = seen
                        .pixels
                        .as_chunks::<4>()
                        .0
                        .iter()
                        .flat_map(|it| it[..3].to_vec())
                        .collect();
                    seen.channels = 3;
                }
                let distance = seen.distance_from_scene();
                assert!(
                    distance < tolerance,
                    "{jpeg_codec:?} {:?}: {distance}",
                    rendered.rendition
                );
            }
        }
    }
}

#[test]
fn a_wide_picture_has_three_widths_and_its_proportions() {
    let pipeline = Pipeline::default();
    let expected = [(1200, 900), (600, 450), (200, 150)];
    for encoding in Encoding::ALL {
        assert_eq!(sizes(&pipeline, &jpeg(1600, 1200), encoding), expected);
    }
}

#[test]
fn nothing_is_enlarged() {
    let pipeline = Pipeline::default();
    assert_eq!(
        sizes(&pipeline, &jpeg(500, 700), Encoding::Jpeg),
        [(500, 700), (200, 280)]
    );
    assert_eq!(sizes(&pipeline, &png(150, 10), Encoding::Jpeg), [(150, 10)]);
    assert_eq!(sizes(&pipeline, &png(1, 1), Encoding::Webp), [(1, 1)]);
}

#[test]
fn a_thread_of_a_picture_keeps_its_length() {
    let pipeline = Pipeline::default();
    assert_eq!(
        sizes(&pipeline, &jpeg(5000, 1), Encoding::Jpeg),
        [(1200, 1), (600, 1), (200, 1)]
    );
    assert_eq!(
        sizes(&pipeline, &jpeg(1, 5000), Encoding::Webp),
        [(1, 5000)]
    );
}

#[test]
fn every_format_shows_the_scene() {
    shows_the_scene(&jpeg(900, 700), 4.0);
    shows_the_scene(&png(900, 700), 4.0);
    shows_the_scene(&interlaced_png(333, 222), 4.0);
    shows_the_scene(&webp(900, 700), 5.0);
    shows_the_scene(&gif(900, 700, 1), 20.0);
}

#[test]
fn every_kind_of_jpeg_shows_the_scene() {
    let pixels = scene(701, 523);
    let progressive = jpeg_with(&pixels, 701, 523, |encoder| encoder.set_progressive(true));
    shows_the_scene(&progressive, 4.0);
    for sampling in [
        SamplingFactor::R_4_4_4,
        SamplingFactor::R_4_2_2,
        SamplingFactor::R_4_4_0,
        SamplingFactor::R_4_1_1,
    ] {
        let picture = jpeg_with(&pixels, 701, 523, |encoder| {
            encoder.set_sampling_factor(sampling);
        });
        shows_the_scene(&picture, 5.0);
    }
    let restarting = jpeg_with(&pixels, 701, 523, |encoder| encoder.set_restart_interval(7));
    shows_the_scene(&restarting, 4.0);
}

#[test]
fn a_large_picture_is_shrunk_while_decoding_and_shows_the_scene() {
    shows_the_scene(&jpeg(4801, 3203), 4.0);
    shows_the_scene(&png(4801, 1203), 4.0);
    shows_the_scene(&webp(4801, 603), 5.0);
}

#[test]
fn sixteen_bits_become_eight() {
    let deep: Vec<u8> = scene(300, 200)
        .iter()
        .flat_map(|&value| [value, 77])
        .collect();
    shows_the_scene(
        &png_of(
            &deep,
            300,
            200,
            png::ColorType::Rgb,
            png::BitDepth::Sixteen,
            |_| {},
        ),
        4.0,
    );
}

#[test]
fn inks_become_light_whoever_wrote_them() {
    let inks: Vec<u8> = scene(300, 200)
        .as_chunks::<3>()
        .0
        .iter()
        .flat_map(|&[r, g, b]| [255 - r, 255 - g, 255 - b, 0])
        .collect();
    let blank: Vec<u8> = inks.iter().map(|ink| 255 - ink).collect();
    // The encoder writes Adobe's marker, and stores what it is given the other way round.
    for colours in [ColorType::Cmyk, ColorType::CmykAsYcck] {
        let adobe = jpeg_of(&inks, 300, 200, colours, |_| {});
        assert_eq!(
            Pipeline::default()
                .probe(&adobe, Extent::Whole)
                .unwrap()
                .channels,
            stanchion_media::Channels::Cmyk
        );
        shows_the_scene(&adobe, 5.0);
    }
    let adobe = jpeg_of(&blank, 300, 200, ColorType::Cmyk, |_| {});
    let marker = adobe
        .windows(5)
        .position(|window| window == b"Adobe")
        .unwrap();
    let plain = [&adobe[..marker - 4], &adobe[marker + 12..]].concat();
    shows_the_scene(&plain, 5.0);
}

#[test]
fn lightness_alone_becomes_grey() {
    let grey: Vec<u8> = (0..60_000_u32)
        .map(|index| u8::try_from(index % 300 * 255 / 300).unwrap())
        .collect();
    let jpeg = jpeg_of(&grey, 300, 200, ColorType::Luma, |_| {});
    let png = png_of(
        &grey,
        300,
        200,
        png::ColorType::Grayscale,
        png::BitDepth::Eight,
        |_| {},
    );
    for picture in [jpeg, png] {
        let rendered = Pipeline::default()
            .render(&picture, Encoding::Jpeg)
            .unwrap();
        let seen = Seen::of(&rendered[0]);
        for (x, expected) in [(10, 8_u8), (150, 127), (290, 246)] {
            assert!(
                seen.at(x, 100)
                    .iter()
                    .all(|value| value.abs_diff(expected) < 6),
                "{:?}",
                seen.at(x, 100)
            );
        }
    }
}

#[test]
fn the_first_frame_is_rendered() {
    shows_the_scene(&gif(300, 200, 3), 20.0);
    shows_the_scene(&animated_webp(300, 200, 3), 5.0);
}

#[test]
fn transparency_is_kept_in_webp_and_on_the_background_in_jpeg() {
    let mut pipeline = Pipeline::default();
    pipeline.recipe.background = [0, 0, 250];
    let pixels = half_invisible(400, 300);
    let png = png_of(
        &pixels,
        400,
        300,
        png::ColorType::Rgba,
        png::BitDepth::Eight,
        |_| {},
    );
    for picture in [png, transparent_webp(400, 300)] {
        for light in [Light::Gamma, Light::Linear] {
            pipeline.recipe.light = light;
            let jpeg = pipeline.render(&picture, Encoding::Jpeg).unwrap();
            let webp = pipeline.render(&picture, Encoding::Webp).unwrap();
            let (jpeg, webp) = (Seen::of(&jpeg[1]), Seen::of(&webp[1]));
            let near = |seen: &[u8], expected: &[u8]| {
                seen.iter().zip(expected).all(|(a, b)| a.abs_diff(*b) < 12)
            };
            assert!(near(jpeg.at(20, 75), &[0, 0, 250]), "{:?}", jpeg.at(20, 75));
            assert!(
                near(jpeg.at(180, 75), &[200, 0, 0]),
                "{:?}",
                jpeg.at(180, 75)
            );
            assert_eq!(webp.at(20, 75)[3], 0);
            assert!(
                near(webp.at(180, 75), &[200, 0, 0, 255]),
                "{:?}",
                webp.at(180, 75)
            );
            // The invisible green tints neither side of the edge.
            assert!(
                (90..110).all(|x| jpeg.at(x, 75)[1] < 40),
                "green shows at the edge"
            );
        }
    }
}

#[test]
fn a_frame_that_is_smaller_than_its_canvas_stands_where_it_belongs() {
    let indices = vec![5; 100 * 50];
    let mut small = gif_of(100, 50, &indices, 1, |frame| {
        (frame.left, frame.top) = (0, 0);
    });
    // The canvas becomes 200 × 150, and the frame's place 60, 40.
    small[6..10].copy_from_slice(&[200, 0, 150, 0]);
    let frame = small.iter().position(|&byte| byte == 0x2c).unwrap();
    small[frame + 1..frame + 5].copy_from_slice(&[60, 0, 40, 0]);
    let rendered = Pipeline::default().render(&small, Encoding::Webp).unwrap();
    let seen = Seen::of(&rendered[0]);
    assert_eq!(seen.channels, 4);
    let shown = |x, y| seen.at(x, y)[3] > 128;
    assert!(shown(62, 42) && shown(157, 87));
    assert!(!shown(56, 42) && !shown(62, 36) && !shown(164, 87) && !shown(157, 94));
}

#[test]
fn the_decoding_scale_changes_little() {
    let picture = jpeg(2725, 2225);
    let render = |headroom_percent| {
        let recipe = Recipe {
            widths: vec![720],
            headroom_percent,
            ..Recipe::default()
        };
        let pipeline = Pipeline {
            recipe,
            ..Pipeline::default()
        };
        let rendered = pipeline.render(&picture, Encoding::Jpeg).unwrap();
        let seen = Seen::of(&rendered[0]);
        assert_eq!((seen.width, seen.height), (720, 588));
        seen.pixels
    };
    assert!(crate::samples::distance(&render(175), &render(400)) < 2.0);
}

#[test]
fn linear_light_keeps_fine_bright_lines_bright() {
    let lines: Vec<u8> = (0..300_u32)
        .flat_map(|_| (0..400_u32).flat_map(|x| [if x % 2 == 0 { 255 } else { 0 }; 3]))
        .collect();
    let picture = png_of(
        &lines,
        400,
        300,
        png::ColorType::Rgb,
        png::BitDepth::Eight,
        |_| {},
    );
    let brightness = |light| {
        let recipe = Recipe {
            widths: vec![200],
            light,
            headroom_percent: 400,
            ..Recipe::default()
        };
        let pipeline = Pipeline {
            recipe,
            ..Pipeline::default()
        };
        let rendered = pipeline.render(&picture, Encoding::Jpeg).unwrap();
        Seen::of(&rendered[0]).at(100, 75)[0]
    };
    assert!((120..136).contains(&brightness(Light::Gamma)));
    assert!((180..196).contains(&brightness(Light::Linear)));
}

#[test]
fn metadata_does_not_reach_a_rendition() {
    let picture = jpeg_with(&scene(300, 200), 300, 200, |encoder| {
        encoder.add_exif_metadata(&exif(1)).unwrap();
        encoder
            .add_app_segment(13, b"Photoshop and a name".to_vec())
            .unwrap();
    });
    assert!(picture.windows(4).any(|window| window == b"GPS!"));
    for encoding in Encoding::ALL {
        for rendered in Pipeline::default().render(&picture, encoding).unwrap() {
            for mark in [&b"GPS!"[..], b"Exif", b"EXIF", b"Photoshop", b"http:"] {
                assert!(
                    !rendered
                        .bytes
                        .windows(mark.len())
                        .any(|window| window == mark),
                    "{mark:?}"
                );
            }
        }
    }
}

#[test]
fn the_same_picture_has_the_same_bytes() {
    let picture = jpeg(1000, 800);
    for encoding in Encoding::ALL {
        let render = || Pipeline::default().render(&picture, encoding).unwrap();
        assert_eq!(render(), render());
    }
}

#[test]
fn a_recipe_that_cannot_be_followed_says_which_field_is_wrong() {
    let wrong = [
        (
            "widths",
            Recipe {
                widths: vec![],
                ..Recipe::default()
            },
        ),
        (
            "widths",
            Recipe {
                widths: vec![5000],
                ..Recipe::default()
            },
        ),
        (
            "jpeg_quality",
            Recipe {
                jpeg_quality: 0,
                ..Recipe::default()
            },
        ),
        (
            "headroom_percent",
            Recipe {
                headroom_percent: 90,
                ..Recipe::default()
            },
        ),
    ];
    for (field, recipe) in wrong {
        let pipeline = Pipeline {
            recipe,
            ..Pipeline::default()
        };
        let error = pipeline.render(&jpeg(10, 10), Encoding::Jpeg).unwrap_err();
        assert!(
            matches!(&error, MediaError::Recipe { reason } if reason.contains(field)),
            "{error}"
        );
        assert_eq!(error.refusal(), Refusal::Internal);
    }
}

#[test]
fn colours_of_neighbours_are_averaged_and_none_is_left_out() {
    let (red, blue) = ([220, 30, 30], [30, 30, 220]);
    let columns: fn(u32, u32) -> u32 = |x, _| x;
    for stripe in [columns, |_, y| y] {
        let (width, height) = (101, 75);
        let at = |x, y| if stripe(x, y) % 2 == 0 { red } else { blue };
        let rows = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let pixels: Vec<u8> = rows.flat_map(|(x, y)| at(x, y)).collect();
        let depth = png::BitDepth::Eight;
        let picture = png_of(&pixels, width, height, png::ColorType::Rgb, depth, |_| {});
        let codecs = [JpegCodec::Rust, JpegCodec::Turbojpeg];
        for jpeg_codec in codecs.into_iter().filter(|codec| codec.is_built()) {
            let mut pipeline = Pipeline::default();
            pipeline.recipe.jpeg_codec = jpeg_codec;
            let rendered = pipeline.render(&picture, Encoding::Jpeg).unwrap();
            let seen = Seen::of(&rendered[0]);
            let sum = |channel: usize| {
                let values = seen.pixels.iter().skip(channel).step_by(3);
                values.map(|&value| u32::from(value)).sum::<u32>()
            };
            let (red, blue) = (sum(0), sum(2));
            assert!(
                red.abs_diff(blue) < (red + blue) / 20,
                "{jpeg_codec:?}: {red} red, {blue} blue"
            );
        }
    }
}
