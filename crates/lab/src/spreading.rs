//! Several measurements of one thing.

/// The middle one, and the least and the most.
#[derive(Clone, Copy)]
pub(crate) struct Spreading {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl Spreading {
    /// Of one value or more.
    pub(crate) fn of(values: &[f64]) -> Self {
        Self {
            median: median(values),
            least: values.iter().copied().fold(f64::INFINITY, f64::min),
            most: values.iter().copied().fold(0.0, f64::max),
        }
    }

    pub(crate) fn rate(self) -> String {
        let Self {
            median,
            least,
            most,
        } = self;
        format!("{median:.0}/s ({least:.0} to {most:.0})")
    }
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_told_with_the_least_and_the_most() {
        let spread = Spreading::of(&[30.0, 10.0, 20.0]);
        assert_eq!(spread.rate(), "20/s (10 to 30)");
    }
}
