use std::borrow::Cow;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8x4, U16x4};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

use crate::light;
use crate::raster::Raster;
use crate::{Channels, Light, MediaError, Size};

/// A picture in sRGB at another size.
///
/// Pixels have four channels here, and their types are spelled out: the library is compiled anew for each type that it may meet.
pub(crate) fn resize(raster: &Raster, size: Size, light: Light) -> Result<Raster, MediaError> {
    let (channels, four) = (raster.channels, four_channels(raster));
    let pixels = match light {
        Light::Gamma => {
            let base = TypedImageRef::from_buffer(raster.size.width, raster.size.height, &four);
            let image = resized::<U8x4>(&base.map_err(MediaError::failed)?, size, channels)?;
            bytes(image.pixels().iter().map(|pixel| pixel.0), channels)
        }
        Light::Linear => {
            let curve = light::curve();
            let (pixels, _) = four.as_chunks::<4>();
            let linear = pixels.iter().map(|&pixel| U16x4::new(curve.linear(pixel)));
            let linear: Vec<U16x4> = linear.collect();
            let base = TypedImageRef::new(raster.size.width, raster.size.height, &linear);
            let image = resized::<U16x4>(&base.map_err(MediaError::failed)?, size, channels)?;
            let pixels = image.pixels().iter();
            bytes(pixels.map(|pixel| curve.stored(pixel.0)), channels)
        }
    };
    Raster::new(size, channels, pixels)
        .ok_or_else(|| MediaError::failed("a resized picture has another size"))
}

fn four_channels(raster: &Raster) -> Cow<'_, [u8]> {
    if raster.channels == Channels::Rgba {
        return Cow::Borrowed(&raster.pixels);
    }
    let (pixels, _) = raster.pixels.as_chunks::<3>();
    let mut four = vec![u8::MAX; pixels.len() * 4];
    for (four, three) in four.as_chunks_mut::<4>().0.iter_mut().zip(pixels) {
        four[..3].copy_from_slice(three);
    }
    Cow::Owned(four)
}

/// The bytes of pixels, of which the fourth is left out where there is no opacity.
fn bytes(pixels: impl ExactSizeIterator<Item = [u8; 4]>, channels: Channels) -> Vec<u8> {
    let mut bytes = vec![0; pixels.len() * channels.count()];
    if channels == Channels::Rgba {
        for (four, pixel) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(pixels) {
            *four = pixel;
        }
    } else {
        for (three, [red, green, blue, _]) in bytes.as_chunks_mut::<3>().0.iter_mut().zip(pixels) {
            *three = [red, green, blue];
        }
    }
    bytes
}

fn resized<P: PixelTrait>(
    base: &TypedImageRef<'_, P>,
    size: Size,
    channels: Channels,
) -> Result<TypedImage<'static, P>, MediaError> {
    let mut image = TypedImage::new(size.width, size.height);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
        .use_alpha(channels.has_alpha());
    Resizer::new()
        .resize_typed(base, &mut image, &options)
        .map_err(MediaError::failed)?;
    Ok(image)
}
