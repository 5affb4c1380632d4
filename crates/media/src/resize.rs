use std::borrow::Cow;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8x4, U16x4};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

use crate::light::Curve;
use crate::raster::Raster;
use crate::{Channels, Light, MediaError, Size};

/// Resizes one picture several times, with one set of tables.
///
/// Pixels have four channels here, and their types are spelled out: the library is compiled anew for each type that it may meet.
pub(crate) struct Sizes<'a> {
    base: Base<'a>,
    channels: Channels,
    size: Size,
    resizer: Resizer,
}

enum Base<'a> {
    Gamma(Cow<'a, [u8]>),
    Linear(Vec<U16x4>, Curve),
}

impl<'a> Sizes<'a> {
    /// Of an upright picture in sRGB.
    pub(crate) fn of(raster: &'a Raster, light: Light) -> Self {
        let four = if raster.channels == Channels::Rgba {
            Cow::Borrowed(raster.pixels.as_slice())
        } else {
            let (pixels, _) = raster.pixels.as_chunks::<3>();
            let mut four = Vec::with_capacity(pixels.len() * 4);
            for &[red, green, blue] in pixels {
                four.extend_from_slice(&[red, green, blue, u8::MAX]);
            }
            Cow::Owned(four)
        };
        let base = match light {
            Light::Gamma => Base::Gamma(four),
            Light::Linear => {
                let curve = Curve::new();
                let (pixels, _) = four.as_chunks::<4>();
                let linear = pixels.iter().map(|&pixel| U16x4::new(curve.linear(pixel)));
                Base::Linear(linear.collect(), curve)
            }
        };
        Self {
            base,
            channels: raster.channels,
            size: raster.size,
            resizer: Resizer::new(),
        }
    }

    /// At another size.
    pub(crate) fn at(&mut self, size: Size) -> Result<Raster, MediaError> {
        let channels = self.channels;
        let pixels = match &self.base {
            Base::Gamma(base) => {
                let base = TypedImageRef::from_buffer(self.size.width, self.size.height, base);
                let base = base.map_err(MediaError::failed)?;
                let image = resized::<U8x4>(&mut self.resizer, &base, size, channels)?;
                bytes(image.pixels().iter().map(|pixel| pixel.0), channels)
            }
            Base::Linear(base, curve) => {
                let base = TypedImageRef::new(self.size.width, self.size.height, base);
                let base = base.map_err(MediaError::failed)?;
                let image = resized::<U16x4>(&mut self.resizer, &base, size, channels)?;
                let pixels = image.pixels().iter();
                bytes(pixels.map(|pixel| curve.stored(pixel.0)), channels)
            }
        };
        Raster::new(size, channels, pixels)
            .ok_or_else(|| MediaError::failed("a resized picture has another size"))
    }
}

/// The bytes of pixels, of which the fourth is left out where there is no opacity.
fn bytes(pixels: impl ExactSizeIterator<Item = [u8; 4]>, channels: Channels) -> Vec<u8> {
    let count = channels.count();
    let mut bytes = Vec::with_capacity(pixels.len() * count);
    for pixel in pixels {
        bytes.extend_from_slice(&pixel[..count]);
    }
    bytes
}

fn resized<P: PixelTrait>(
    resizer: &mut Resizer,
    base: &TypedImageRef<'_, P>,
    size: Size,
    channels: Channels,
) -> Result<TypedImage<'static, P>, MediaError> {
    let mut image = TypedImage::new(size.width, size.height);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
        .use_alpha(channels.has_alpha());
    resizer
        .resize_typed(base, &mut image, &options)
        .map_err(MediaError::failed)?;
    Ok(image)
}
