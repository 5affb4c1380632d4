use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8x3, U8x4, U16x4};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

use crate::light;
use crate::raster::Raster;
use crate::{Channels, Light, MediaError, Size};

/// A picture in sRGB at another size.
///
/// The types of pixels are spelled out: the library is compiled anew for each that it may meet.
pub(crate) fn resize(raster: &Raster, size: Size, light: Light) -> Result<Raster, MediaError> {
    let mut pixels = vec![0; bytes(size, raster.channels)];
    match (light, raster.channels) {
        (Light::Gamma, Channels::Rgba) => as_stored::<U8x4>(raster, size, &mut pixels)?,
        (Light::Gamma, _) => as_stored::<U8x3>(raster, size, &mut pixels)?,
        (Light::Linear, channels) => {
            let image = as_light(raster, size)?;
            let stored = image.pixels().iter().map(|pixel| pixel.0);
            store(stored, channels, &mut pixels);
        }
    }
    Raster::new(size, raster.channels, pixels)
        .ok_or_else(|| MediaError::failed("a resized picture has another size"))
}

fn bytes(size: Size, channels: Channels) -> usize {
    size.width as usize * size.height as usize * channels.count()
}

/// From buffer to buffer, without a copy in between.
fn as_stored<P: PixelTrait>(
    raster: &Raster,
    size: Size,
    pixels: &mut [u8],
) -> Result<(), MediaError> {
    let base =
        TypedImageRef::<P>::from_buffer(raster.size.width, raster.size.height, &raster.pixels);
    let image = TypedImage::<P>::from_buffer(size.width, size.height, pixels);
    convolve(
        &base.map_err(MediaError::failed)?,
        &mut image.map_err(MediaError::failed)?,
        raster.channels,
    )
}

fn as_light(raster: &Raster, size: Size) -> Result<TypedImage<'static, U16x4>, MediaError> {
    let curve = light::curve();
    let linear = |pixel| U16x4::new(curve.linear(pixel));
    let pixels: Vec<U16x4> = if raster.channels == Channels::Rgba {
        let (pixels, _) = raster.pixels.as_chunks::<4>();
        pixels.iter().copied().map(linear).collect()
    } else {
        let (pixels, _) = raster.pixels.as_chunks::<3>();
        let opaque = |&[red, green, blue]: &[u8; 3]| linear([red, green, blue, u8::MAX]);
        pixels.iter().map(opaque).collect()
    };
    let base = TypedImageRef::new(raster.size.width, raster.size.height, &pixels);
    let mut image = TypedImage::new(size.width, size.height);
    let base = base.map_err(MediaError::failed)?;
    convolve(&base, &mut image, raster.channels)?;
    Ok(image)
}

/// Light as stored values, of which the fourth is left out where there is no opacity.
fn store(light: impl Iterator<Item = [u16; 4]>, channels: Channels, pixels: &mut [u8]) {
    let stored = light.map(|pixel| light::curve().stored(pixel));
    if channels == Channels::Rgba {
        for (four, pixel) in pixels.as_chunks_mut::<4>().0.iter_mut().zip(stored) {
            *four = pixel;
        }
    } else {
        for (three, pixel) in pixels.as_chunks_mut::<3>().0.iter_mut().zip(stored) {
            three.copy_from_slice(&pixel[..3]);
        }
    }
}

fn convolve<P: PixelTrait>(
    base: &TypedImageRef<'_, P>,
    image: &mut TypedImage<'_, P>,
    channels: Channels,
) -> Result<(), MediaError> {
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
        .use_alpha(channels.has_alpha());
    Resizer::new()
        .resize_typed(base, image, &options)
        .map_err(MediaError::failed)
}
