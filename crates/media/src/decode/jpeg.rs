use std::cell::OnceCell;
use std::io::ErrorKind;

use jpeg_decoder::{Decoder, Error, PixelFormat};
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::Decoded;
use crate::raster::Raster;
use crate::{Channels, Format, JpegCodec, MediaError, Probed, Size, probe, scale};

/// Decodes at a divisor of 1, 2, 4 or 8.
pub(super) fn decode(
    bytes: &[u8],
    probed: &Probed,
    divisor: u32,
    codec: JpegCodec,
) -> Result<Decoded, MediaError> {
    let mut decoder = Decoder::new(bytes);
    match codec {
        #[cfg(feature = "turbojpeg")]
        JpegCodec::Turbojpeg if probed.channels != Channels::Cmyk => {
            let raster = super::turbojpeg::decode(bytes, probed, divisor)?;
            decoder.read_info().map_err(refused)?;
            let profile = decoder.icc_profile();
            return Ok(Decoded { raster, profile });
        }
        _ => {}
    }
    let size = shrink(&mut decoder, probed, divisor)?;
    let mut pixels = on_one_thread(|| decoder.decode())?.map_err(refused)?;
    let channels = match decoder.info().map(|info| info.pixel_format) {
        Some(PixelFormat::L8) => Channels::Gray,
        Some(PixelFormat::RGB24) => Channels::Rgb,
        Some(PixelFormat::CMYK32) => Channels::Cmyk,
        _ => return Err(MediaError::unsupported(Format::Jpeg, "16 bits a channel")),
    };
    if channels == Channels::Cmyk && !probe::inks_are_inverted(bytes) {
        pixels.iter_mut().for_each(|ink| *ink = 255 - *ink);
    }
    let raster = Raster::new(size, channels, pixels)
        .ok_or_else(|| MediaError::malformed(Format::Jpeg, "it has another size"))?;
    let profile = decoder.icc_profile();
    Ok(Decoded { raster, profile })
}

fn shrink(decoder: &mut Decoder<&[u8]>, probed: &Probed, divisor: u32) -> Result<Size, MediaError> {
    let wanted = scale::shrunk(probed.stored(), divisor);
    let width = u16::try_from(wanted.width)
        .map_err(|_long| MediaError::malformed(Format::Jpeg, "a side is too long"))?;
    // The decoder takes the smallest scale at which either side is long enough. The width alone decides.
    let (width, height) = decoder.scale(width, u16::MAX).map_err(refused)?;
    Ok(Size {
        width: width.into(),
        height: height.into(),
    })
}

thread_local! {
    /// The pool of one thread that each thread that decodes has. A new one for each picture would start with cold memory.
    static POOL: OnceCell<ThreadPool> = const { OnceCell::new() };
}

/// With as many threads as there are cores, rows would wait without bound for threads that are behind.
fn on_one_thread<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, MediaError> {
    POOL.with(|pool| match pool.get() {
        Some(pool) => Ok(pool.install(work)),
        None => {
            let built = ThreadPoolBuilder::new().num_threads(1).build();
            let built = built.map_err(MediaError::failed)?;
            Ok(pool.get_or_init(|| built).install(work))
        }
    })
}

fn refused(error: Error) -> MediaError {
    let format = Format::Jpeg;
    match error {
        Error::Io(error) if error.kind() == ErrorKind::UnexpectedEof => {
            MediaError::Truncated { format }
        }
        Error::Unsupported(feature) => MediaError::unsupported(format, format_args!("{feature:?}")),
        Error::Format(reason) => MediaError::malformed(format, reason),
        error => MediaError::malformed(format, error),
    }
}
