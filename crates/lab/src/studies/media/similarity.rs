/// Pixels of a side of a window, and from one window to the next.
const WINDOW: usize = 8;
const STEP: usize = 4;

/// How alike two pictures of three channels look, by their brightness: 1 is the same. Zhou Wang's mean SSIM.
pub(super) fn ssim(a: &[u8], b: &[u8], width: usize) -> f64 {
    let (a, b) = (brightness(a), brightness(b));
    if a.len() != b.len() || width == 0 {
        return 0.0;
    }
    let height = a.len() / width;
    let (mut sum, mut count) = (0.0, 0.0);
    for top in (0..=height.saturating_sub(WINDOW)).step_by(STEP) {
        for left in (0..=width.saturating_sub(WINDOW)).step_by(STEP) {
            let places = (0..WINDOW * WINDOW)
                .map(|at| (top + at / WINDOW) * width + left + at % WINDOW)
                .filter(|&place| place < a.len());
            sum += window(places.map(|place| (a[place], b[place])));
            count += 1.0;
        }
    }
    sum / count
}

/// How far the colours of two pictures of three channels are from each other, whatever their brightness: the ratio of the largest error
/// to that of the chrominance, in decibels. More is nearer.
pub(super) fn colours_db(a: &[u8], b: &[u8]) -> f64 {
    let (a, b) = (a.as_chunks().0, b.as_chunks().0);
    let errors = a.iter().zip(b).flat_map(|(&a, &b)| {
        let ((a_blue, a_red), (b_blue, b_red)) = (chrominance(a), chrominance(b));
        [(a_blue - b_blue).powi(2), (a_red - b_red).powi(2)]
    });
    let mean = errors.sum::<f64>() / (2 * a.len()).max(1) as f64;
    10.0 * (255.0_f64.powi(2) / mean).log10()
}

fn chrominance([red, green, blue]: [u8; 3]) -> (f64, f64) {
    let (red, green, blue) = (f64::from(red), f64::from(green), f64::from(blue));
    (
        -0.1687 * red - 0.3313 * green + 0.5 * blue,
        0.5 * red - 0.4187 * green - 0.0813 * blue,
    )
}

fn brightness(pixels: &[u8]) -> Vec<f64> {
    let (pixels, _) = pixels.as_chunks::<3>();
    let bright = |&[red, green, blue]: &[u8; 3]| {
        0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue)
    };
    pixels.iter().map(bright).collect()
}

fn window(values: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (mut n, mut a, mut b, mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for (x, y) in values {
        n += 1.0;
        a += x;
        b += y;
        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    let (a, b) = (a / n, b / n);
    let (spread_a, spread_b, common) = (aa / n - a * a, bb / n - b * b, ab / n - a * b);
    let (c1, c2) = ((0.01 * 255.0_f64).powi(2), (0.03 * 255.0_f64).powi(2));
    (2.0 * a * b + c1) * (2.0 * common + c2) / ((a * a + b * b + c1) * (spread_a + spread_b + c2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_like_itself_and_less_like_a_noisy_one() {
        let picture: Vec<u8> = (0..32 * 32 * 3_u32)
            .map(|at| (at * 7 % 251) as u8)
            .collect();
        let noisy: Vec<u8> = picture.iter().map(|value| value ^ 24).collect();
        assert!((ssim(&picture, &picture, 32) - 1.0).abs() < 1e-9);
        assert!(ssim(&picture, &noisy, 32) < 0.99);
        assert!(ssim(&picture, &noisy[..300], 32) < 1e-9);
    }

    #[test]
    fn colours_differ_where_brightness_does_not() {
        let grey = [128; 300];
        let (lighter, tinted) = ([138; 300], [138, 125, 118].repeat(100));
        assert!(colours_db(&grey, &lighter) > 100.0);
        let seen = colours_db(&grey, &tinted);
        assert!((30.0..40.0).contains(&seen), "{seen}");
    }
}
