//! How much light the stored values stand for.

use std::sync::LazyLock;

/// The curve, made when it is first asked for.
pub(crate) fn curve() -> &'static Curve {
    static CURVE: LazyLock<Curve> = LazyLock::new(Curve::new);
    &CURVE
}

/// The transfer curve of sRGB as tables: stored values have 8 bits, light has 16.
pub(crate) struct Curve {
    light: Vec<u16>,
    stored: Vec<u8>,
}

impl Curve {
    fn new() -> Self {
        let light = |value: u8| (light_of(f64::from(value) / 255.0) * 65_535.0).round() as u16;
        let stored = |light: u16| (value_of(f64::from(light) / 65_535.0) * 255.0).round() as u8;
        Self {
            light: (0..=u8::MAX).map(light).collect(),
            stored: (0..=u16::MAX).map(stored).collect(),
        }
    }

    /// The light of a pixel. Opacity has no curve.
    pub(crate) fn linear(&self, [red, green, blue, alpha]: [u8; 4]) -> [u16; 4] {
        let [red, green, blue] = [red, green, blue].map(|value| self.light[usize::from(value)]);
        [red, green, blue, u16::from(alpha) * 257]
    }

    /// The pixel of a light.
    pub(crate) fn stored(&self, [red, green, blue, alpha]: [u16; 4]) -> [u8; 4] {
        let [red, green, blue] = [red, green, blue].map(|light| self.stored[usize::from(light)]);
        let alpha = (u32::from(alpha) + 128) / 257;
        [red, green, blue, u8::try_from(alpha).unwrap_or(u8::MAX)]
    }
}

/// IEC 61966-2-1, both from 0 to 1.
fn light_of(value: f64) -> f64 {
    if value <= 0.04045 {
        value / 12.92
    } else {
        ((value + 0.055) / 1.055).powf(2.4)
    }
}

fn value_of(light: f64) -> f64 {
    if light <= 0.003_130_8 {
        light * 12.92
    } else {
        1.055 * light.powf(1.0 / 2.4) - 0.055
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stored_value_survives_the_way_to_light_and_back() {
        let curve = curve();
        for value in 0..=u8::MAX {
            assert_eq!(curve.stored(curve.linear([value; 4])), [value; 4]);
        }
        assert_eq!(curve.linear([0, 188, 255, 1]), [0, 32_957, 65_535, 257]);
    }
}
