//! Pictures for a demonstration: plausible at a glance, small, and the same for the same seed everywhere.

use crate::raster::Raster;
use crate::{Channels, Encoding, MediaError, Recipe, Size, encode};

/// How large they are.
pub const SIZE: Size = Size {
    width: 800,
    height: 600,
};

/// A JPEG of some things on a coloured ground. Pictures of one category share their colours.
///
/// # Errors
/// [`MediaError::Failed`] when the encoder does.
pub fn picture(seed: u64, category: &str) -> Result<Vec<u8>, MediaError> {
    let scene = Scene::new(seed, category);
    let mut pixels = Vec::with_capacity(3 * SIZE.width as usize * SIZE.height as usize);
    for y in 0..SIZE.height {
        for x in 0..SIZE.width {
            pixels.extend_from_slice(&scene.colour(x as i32, y as i32));
        }
    }
    let raster = Raster {
        size: SIZE,
        channels: Channels::Rgb,
        pixels,
    };
    encode::encode(&raster, Encoding::Jpeg, &Recipe::default())
}

type Colour = [i32; 3];

struct Scene {
    top: Colour,
    bottom: Colour,
    things: Vec<Thing>,
}

struct Thing {
    x: i32,
    y: i32,
    width: i32,
    height: i32,
    round: bool,
    colour: Colour,
}

/// Numbers drawn from a hash, so that no generator's version changes them.
struct Draw(blake3::OutputReader);

impl Draw {
    fn new(parts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(part);
        }
        Self(hasher.finalize_xof())
    }

    /// A number from one to another, both included.
    fn between(&mut self, low: i32, high: i32) -> i32 {
        let mut bytes = [0; 2];
        self.0.fill(&mut bytes);
        low + i32::from(u16::from_le_bytes(bytes)) % (high - low + 1)
    }

    fn colour(&mut self, low: i32, high: i32) -> Colour {
        [(); 3].map(|()| self.between(low, high))
    }
}

impl Scene {
    fn new(seed: u64, category: &str) -> Self {
        let mut shared = Draw::new(&[b"category", category.as_bytes()]);
        let (ground, main) = (shared.colour(150, 235), shared.colour(40, 200));
        let mut own = Draw::new(&[b"picture", &seed.to_le_bytes()]);
        let count = own.between(2, 5);
        let mut thing = |_| {
            let tint = own.between(-45, 45);
            Thing {
                x: own.between(180, 620),
                y: own.between(180, 420),
                width: own.between(50, 180),
                height: own.between(50, 170),
                round: own.between(0, 1) == 1,
                colour: main.map(|value| value + tint),
            }
        };
        Self {
            top: ground.map(|value| value + 20),
            bottom: ground.map(|value| value - 50),
            things: (0..count).map(&mut thing).collect(),
        }
    }

    /// The ground gets darker downwards, and the things to their right.
    fn colour(&self, x: i32, y: i32) -> [u8; 3] {
        let thing = self.things.iter().rev().find(|thing| thing.covers(x, y));
        let colour = match thing {
            Some(thing) => {
                let shade = (thing.x - x) * 50 / thing.width;
                thing.colour.map(|value| value + shade)
            }
            None => {
                let mix = |channel: usize| {
                    let (top, bottom) = (self.top[channel], self.bottom[channel]);
                    top + (bottom - top) * y / SIZE.height as i32
                };
                [mix(0), mix(1), mix(2)]
            }
        };
        colour.map(|value| u8::try_from(value.clamp(0, 255)).unwrap_or_default())
    }
}

impl Thing {
    fn covers(&self, x: i32, y: i32) -> bool {
        let (x, y) = (x - self.x, y - self.y);
        if self.round {
            let (x, y) = (x * self.height, y * self.width);
            let reach = self.width * self.height;
            i64::from(x) * i64::from(x) + i64::from(y) * i64::from(y)
                <= i64::from(reach) * i64::from(reach)
        } else {
            x.abs() <= self.width && y.abs() <= self.height
        }
    }
}
