//! Profiles become sRGB.

use jpeg_encoder::ColorType;
use moxcms::ColorProfile;
use stanchion_media::{Encoding, Pipeline};

use crate::samples::{Seen, jpeg_of, jpeg_with};

/// One colour, as sent with a profile, and as it comes out.
fn rendered(colour: [u8; 3], profile: &[u8]) -> Vec<u8> {
    let picture = jpeg_with(&colour.repeat(64 * 64), 64, 64, |encoder| {
        encoder.add_icc_profile(profile).unwrap();
    });
    seen(&picture)
}

fn seen(picture: &[u8]) -> Vec<u8> {
    let rendered = Pipeline::default().render(picture, Encoding::Jpeg).unwrap();
    Seen::of(&rendered[0]).at(32, 32).to_vec()
}

fn near(seen: &[u8], expected: [u8; 3]) {
    let far = seen.iter().zip(expected).any(|(a, b)| a.abs_diff(b) > 4);
    assert!(!far, "{seen:?} is not {expected:?}");
}

#[test]
fn a_colour_of_display_p3_becomes_its_colour_in_srgb() {
    let profile = ColorProfile::new_display_p3().encode().unwrap();
    // A medium orange, by the matrices of both spaces, whose transfer is the same.
    near(&rendered([200, 120, 60], &profile), [212, 117, 45]);
    near(&rendered([128, 128, 128], &profile), [128, 128, 128]);
}

#[test]
fn srgb_itself_stays_as_it_is() {
    let profile = ColorProfile::new_srgb().encode().unwrap();
    near(&rendered([200, 120, 60], &profile), [200, 120, 60]);
}

#[test]
fn a_grey_profile_applies_to_grey() {
    let profile = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    let picture = jpeg_of(&[55; 64 * 64], 64, 64, ColorType::Luma, |encoder| {
        encoder.add_icc_profile(&profile).unwrap();
    });
    // 55 / 255 of the light is 0.216, which sRGB writes as 128.
    near(&seen(&picture), [128, 128, 128]);
}

#[test]
fn a_profile_that_is_broken_or_of_other_channels_is_ignored() {
    let grey = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    near(&rendered([200, 120, 60], &grey), [200, 120, 60]);
    let cut = &ColorProfile::new_display_p3().encode().unwrap()[..200];
    near(&rendered([200, 120, 60], cut), [200, 120, 60]);
    near(&rendered([200, 120, 60], &[0xff; 4000]), [200, 120, 60]);
}

#[test]
fn no_rendition_has_a_profile() {
    let profile = ColorProfile::new_display_p3().encode().unwrap();
    let picture = jpeg_with(&[99; 64 * 64 * 3], 64, 64, |encoder| {
        encoder.add_icc_profile(&profile).unwrap();
    });
    for encoding in Encoding::ALL {
        for rendered in Pipeline::default().render(&picture, encoding).unwrap() {
            for mark in [&b"ICC_PROFILE"[..], b"ICCP"] {
                assert!(
                    !rendered
                        .bytes
                        .windows(mark.len())
                        .any(|window| window == mark)
                );
            }
        }
    }
}
