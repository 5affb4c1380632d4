//! Colours as sRGB, three channels and opacity where there was one.

use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

use crate::Channels;
use crate::raster::Raster;

/// By the profile, if it fits and can be read; else as if the values were sRGB, or plain inks.
pub(crate) fn to_srgb(raster: Raster, profile: Option<&[u8]>) -> Raster {
    if let Some(converted) = profile.and_then(|profile| by_profile(&raster, profile)) {
        return converted;
    }
    match raster.channels {
        Channels::Rgb | Channels::Rgba => raster,
        Channels::Gray => each::<1, 3>(&raster, Channels::Rgb, |[gray]| [gray; 3]),
        Channels::GrayAlpha => each::<2, 4>(&raster, Channels::Rgba, |[gray, alpha]| {
            [gray, gray, gray, alpha]
        }),
        Channels::Cmyk => each::<4, 3>(&raster, Channels::Rgb, |[cyan, magenta, yellow, black]| {
            [cyan, magenta, yellow].map(|ink| left_by(ink, black))
        }),
    }
}

/// The light that an ink and black leave.
fn left_by(ink: u8, black: u8) -> u8 {
    let light = u32::from(255 - ink) * u32::from(255 - black);
    u8::try_from((light + 127) / 255).unwrap_or(u8::MAX)
}

fn each<const FROM: usize, const TO: usize>(
    raster: &Raster,
    channels: Channels,
    convert: impl Fn([u8; FROM]) -> [u8; TO],
) -> Raster {
    let (source, _) = raster.pixels.as_chunks::<FROM>();
    let mut pixels = vec![0; source.len() * TO];
    for (to, &from) in pixels.as_chunks_mut::<TO>().0.iter_mut().zip(source) {
        *to = convert(from);
    }
    Raster {
        size: raster.size,
        channels,
        pixels,
    }
}

fn by_profile(raster: &Raster, profile: &[u8]) -> Option<Raster> {
    let profile = ColorProfile::new_from_slice(profile).ok()?;
    let (space, from, to, channels) = match raster.channels {
        Channels::Gray => (
            DataColorSpace::Gray,
            Layout::Gray,
            Layout::Rgb,
            Channels::Rgb,
        ),
        Channels::GrayAlpha => (
            DataColorSpace::Gray,
            Layout::GrayAlpha,
            Layout::Rgba,
            Channels::Rgba,
        ),
        Channels::Rgb => (DataColorSpace::Rgb, Layout::Rgb, Layout::Rgb, Channels::Rgb),
        Channels::Rgba => (
            DataColorSpace::Rgb,
            Layout::Rgba,
            Layout::Rgba,
            Channels::Rgba,
        ),
        Channels::Cmyk => (
            DataColorSpace::Cmyk,
            Layout::Rgba,
            Layout::Rgb,
            Channels::Rgb,
        ),
    };
    if profile.color_space != space {
        return None;
    }
    let srgb = ColorProfile::new_srgb();
    let transform = profile
        .create_transform_8bit(from, &srgb, to, TransformOptions::default())
        .ok()?;
    let count = raster.pixels.len() / raster.channels.count();
    let mut pixels = vec![0; count * channels.count()];
    transform.transform(&raster.pixels, &mut pixels).ok()?;
    Raster::new(raster.size, channels, pixels)
}
