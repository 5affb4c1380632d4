//! What holds for all bytes and all sizes.

use proptest::prelude::*;
use stanchion_media::{Encoding, Extent, Pipeline, Recipe, Size};

use crate::samples::{
    animated_webp, exif, gif, interlaced_png, jpeg, jpeg_with, png, scene, transparent_webp, webp,
};

fn samples() -> Vec<Vec<u8>> {
    let tagged = jpeg_with(&scene(60, 40), 60, 40, |encoder| {
        encoder.set_progressive(true);
        encoder.add_exif_metadata(&exif(6)).unwrap();
    });
    vec![
        jpeg(60, 40),
        tagged,
        png(60, 40),
        interlaced_png(60, 40),
        webp(60, 40),
        transparent_webp(60, 40),
        animated_webp(60, 40, 2),
        gif(60, 40, 2),
    ]
}

/// A sample of which bytes were changed, taken out or doubled.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0..3_u8);
    let changes = prop::collection::vec(change, 1..8);
    (prop::sample::select(samples()), changes).prop_map(|(mut bytes, changes)| {
        for (index, value, kind) in changes {
            if bytes.is_empty() {
                break;
            }
            // Most of what matters stands at the beginning.
            let length = if value % 2 == 0 {
                bytes.len()
            } else {
                bytes.len().min(80)
            };
            let at = index.index(length);
            match kind {
                0 => bytes[at] = value,
                1 => bytes.truncate(at),
                _ => bytes.insert(at, value),
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn a_probe_takes_or_refuses_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300), kind in 0..5_usize) {
        let beginnings: [&[u8]; 5] = [b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x40\0\0\0WEBP", b"GIF89a"];
        let bytes = [beginnings[kind], &bytes].concat();
        for extent in [Extent::Prefix, Extent::Whole] {
            let _taken_or_refused = Pipeline::default().probe(&bytes, extent);
        }
    }

    #[test]
    fn a_probe_takes_or_refuses_damaged_pictures_within_the_caps(bytes in mutated()) {
        let pipeline = Pipeline::default();
        for extent in [Extent::Prefix, Extent::Whole] {
            if let Ok(probed) = pipeline.probe(&bytes, extent) {
                prop_assert!((1..=pipeline.caps.side).contains(&probed.width));
                prop_assert!((1..=pipeline.caps.side).contains(&probed.height));
                prop_assert!(probed.stored().pixels() <= pipeline.caps.pixels);
                prop_assert!(probed.memory_bytes <= pipeline.caps.memory.largest());
            }
        }
    }

    #[test]
    fn renditions_are_in_proportion_and_never_larger(width in 1..16_384_u32, height in 1..16_384_u32, widths in prop::collection::vec(1..4097_u32, 1..8)) {
        let recipe = Recipe { widths: widths.clone(), ..Recipe::default() };
        let renditions = recipe.renditions(Size { width, height }, Encoding::Jpeg);
        prop_assert!(!renditions.is_empty() && renditions.len() <= widths.len());
        prop_assert!(renditions.is_sorted_by(|a, b| a.width > b.width));
        for rendition in renditions {
            prop_assert!(rendition.width <= width && rendition.height <= height);
            prop_assert!(widths.contains(&rendition.width) || rendition.width == width);
            let exact = f64::from(height) * f64::from(rendition.width) / f64::from(width);
            prop_assert!((f64::from(rendition.height) - exact).abs() <= 0.5 || rendition.height == 1);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn damaged_pictures_are_rendered_or_refused(bytes in mutated()) {
        let mut pipeline = Pipeline::default();
        pipeline.caps.pixels = 100_000;
        if let Ok(rendered) = pipeline.render(&bytes, Encoding::Jpeg) {
            prop_assert!(!rendered.is_empty());
        }
    }
}
