//! By how much a picture is shrunk while it is decoded. A function of the picture and the recipe alone, so that the same
//! rendition has the same bytes everywhere.

use crate::{Format, Recipe, Size};

/// A picture that has more pixels than this after shrinking is shrunk further, down to the largest rendition itself.
const PIXELS: u64 = 16_000_000;

/// The divisor of both sides: 1, 2, 4 or 8 for JPEG, and 1 to 32 for what is averaged in squares.
pub(crate) fn divisor(format: Format, upright: Size, recipe: &Recipe) -> u32 {
    let largest = recipe.largest();
    let wanted = recipe.with_headroom(largest);
    let fitting = |least: u32| {
        let mut divisors = (1..=32_u32).rev();
        divisors.find(|&divisor| {
            let allowed = format != Format::Jpeg || [1, 2, 4, 8].contains(&divisor);
            allowed && upright.width.div_ceil(divisor) >= least
        })
    };
    let chosen = fitting(wanted).unwrap_or(1);
    if shrunk(upright, chosen).pixels() > PIXELS {
        fitting(largest).unwrap_or(1)
    } else {
        chosen
    }
}

/// The size after shrinking. A last square that is not full counts.
pub(crate) fn shrunk(size: Size, divisor: u32) -> Size {
    Size {
        width: size.width.div_ceil(divisor),
        height: size.height.div_ceil(divisor),
    }
}

/// The height that belongs to a width, at least one row.
pub(crate) fn proportional(size: Size, width: u32) -> u32 {
    let (width, full) = (u64::from(width), u64::from(size.width.max(1)));
    let height = (u64::from(size.height) * width + full / 2) / full;
    u32::try_from(height).unwrap_or(u32::MAX).max(1)
}
