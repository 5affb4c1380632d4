use std::borrow::Cow;

use crate::{Channels, MediaError, Orientation, Size};

/// Decoded pixels: 8 bits a channel, rows without gaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Raster {
    pub(crate) size: Size,
    pub(crate) channels: Channels,
    pub(crate) pixels: Vec<u8>,
}

impl Raster {
    /// Of pixels that are exactly enough.
    pub(crate) fn new(size: Size, channels: Channels, pixels: Vec<u8>) -> Option<Self> {
        let bytes = usize::try_from(size.pixels()).ok()?;
        (bytes.checked_mul(channels.count())? == pixels.len()).then_some(Self {
            size,
            channels,
            pixels,
        })
    }

    /// Stood upright.
    pub(crate) fn upright(self, orientation: Orientation) -> Self {
        if orientation == Orientation::Upright {
            return self;
        }
        match self.channels.count() {
            1 => self.turned::<1>(orientation),
            2 => self.turned::<2>(orientation),
            3 => self.turned::<3>(orientation),
            _ => self.turned::<4>(orientation),
        }
    }

    fn turned<const N: usize>(self, orientation: Orientation) -> Self {
        let (columns, rows) = (self.size.width as usize, self.size.height as usize);
        let (source, _) = self.pixels.as_chunks::<N>();
        let column = |x: usize| {
            if orientation.reads_leftwards() {
                columns - 1 - x
            } else {
                x
            }
        };
        let row = |y: usize| {
            if orientation.reads_upwards() {
                rows - 1 - y
            } else {
                y
            }
        };
        let mut pixels = Vec::with_capacity(self.pixels.len());
        if orientation.transposes() {
            for x in (0..columns).map(column) {
                for y in (0..rows).map(row) {
                    pixels.extend_from_slice(&source[y * columns + x]);
                }
            }
            return Self {
                size: self.size.transposed(),
                pixels,
                ..self
            };
        }
        for y in (0..rows).map(row) {
            for x in (0..columns).map(column) {
                pixels.extend_from_slice(&source[y * columns + x]);
            }
        }
        Self { pixels, ..self }
    }

    /// Without transparency, on a background.
    pub(crate) fn flattened(&self, background: [u8; 3]) -> Cow<'_, Self> {
        if self.channels != Channels::Rgba {
            return Cow::Borrowed(self);
        }
        let (source, _) = self.pixels.as_chunks::<4>();
        let mut pixels = vec![0; source.len() * 3];
        let (flat, _) = pixels.as_chunks_mut::<3>();
        for (flat, &[red, green, blue, alpha]) in flat.iter_mut().zip(source) {
            let over = |front: u8, back: u8| {
                let (front, back, alpha) = (u32::from(front), u32::from(back), u32::from(alpha));
                u8::try_from((front * alpha + back * (255 - alpha) + 127) / 255).unwrap_or(u8::MAX)
            };
            *flat = [
                over(red, background[0]),
                over(green, background[1]),
                over(blue, background[2]),
            ];
        }
        Cow::Owned(Self {
            size: self.size,
            channels: Channels::Rgb,
            pixels,
        })
    }
}

/// Averages rows into squares as they come, so that a large picture is never held whole.
///
/// Colour is weighted with its opacity: what nobody sees does not tint what is beside it.
pub(crate) struct Shrink {
    stored: Size,
    divisor: u32,
    channels: Channels,
    sums: Vec<u32>,
    rows: u32,
    pixels: Vec<u8>,
}

impl Shrink {
    /// For pictures of a size, to be divided by 1 to 32.
    pub(crate) fn new(stored: Size, divisor: u32, channels: Channels) -> Self {
        let size = crate::scale::shrunk(stored, divisor);
        // A weight of up to 255 comes beside the colours that it weighs, and each square has up to 1,024 pixels.
        let cells = size.width as usize * channels.count();
        Self {
            stored,
            divisor,
            channels,
            sums: if divisor == 1 {
                Vec::new()
            } else {
                vec![0; cells]
            },
            rows: 0,
            pixels: Vec::with_capacity(cells * size.height as usize),
        }
    }

    /// Takes the next row, and nothing beyond the last.
    pub(crate) fn push(&mut self, row: &[u8]) {
        if self.rows == self.stored.height {
            return;
        }
        self.rows += 1;
        if self.divisor == 1 {
            self.pixels.extend_from_slice(row);
            return;
        }
        self.add(row);
        if self.rows.is_multiple_of(self.divisor) || self.rows == self.stored.height {
            self.flush();
        }
    }

    fn add(&mut self, row: &[u8]) {
        let count = self.channels.count();
        let square = self.divisor as usize * count;
        for (sums, cell) in self.sums.chunks_exact_mut(count).zip(row.chunks(square)) {
            for pixel in cell.chunks_exact(count) {
                if self.channels.has_alpha() {
                    let alpha = u32::from(pixel[count - 1]);
                    for (sum, &value) in sums.iter_mut().zip(&pixel[..count - 1]) {
                        *sum += u32::from(value) * alpha;
                    }
                    sums[count - 1] += alpha;
                } else {
                    for (sum, &value) in sums.iter_mut().zip(pixel) {
                        *sum += u32::from(value);
                    }
                }
            }
        }
    }

    fn flush(&mut self) {
        let count = self.channels.count();
        let high = match self.rows % self.divisor {
            0 => self.divisor,
            rest => rest,
        };
        for (index, sums) in self.sums.chunks_exact_mut(count).enumerate() {
            let left = index as u32 * self.divisor;
            let square = high * self.divisor.min(self.stored.width - left);
            let alpha = sums[count - 1];
            for (channel, sum) in sums.iter_mut().enumerate() {
                let weight = if self.channels.has_alpha() && channel + 1 < count {
                    alpha
                } else {
                    square
                };
                let mean = (*sum + weight / 2).checked_div(weight).unwrap_or(0);
                self.pixels.push(u8::try_from(mean).unwrap_or(u8::MAX));
                *sum = 0;
            }
        }
    }

    /// The shrunk picture, once all rows were taken.
    pub(crate) fn finish(self, format: crate::Format) -> Result<Raster, MediaError> {
        let size = crate::scale::shrunk(self.stored, self.divisor);
        Raster::new(size, self.channels, self.pixels).ok_or(MediaError::Truncated { format })
    }
}
