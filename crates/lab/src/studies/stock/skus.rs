//! Which SKU a call is for.

use super::cells::Spread;

/// As pgbench's `random_zipfian`, whose parameter must be above 1.
const EXPONENT: f64 = 1.01;

/// The SKUs of a spread, and how often each is asked for.
pub(super) struct Skus {
    names: Vec<String>,
    /// What share of the calls is for a SKU or one before it.
    shares: Vec<f64>,
}

impl Skus {
    pub(super) fn of(spread: Spread) -> Self {
        let (count, exponent) = match spread {
            Spread::Hot => (1, 0.0),
            Spread::Zipf => (100, EXPONENT),
            Spread::Uniform => (10_000, 0.0),
        };
        let weights = (1..=count).map(|rank| f64::from(rank).powf(-exponent));
        let total: f64 = weights.clone().sum();
        let shares = weights.scan(0.0, |sum, weight| {
            *sum += weight / total;
            Some(*sum)
        });
        Self {
            names: (1..=count).map(|rank| format!("LAB-{rank}")).collect(),
            shares: shares.collect(),
        }
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The SKU that a random share, from 0 to 1, stands for.
    pub(super) fn at(&self, share: f64) -> &str {
        let at = self.shares.partition_point(|upto| *upto <= share);
        &self.names[at.min(self.names.len() - 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_hundred_is_asked_for_most() {
        let skus = Skus::of(Spread::Zipf);
        assert_eq!(skus.names().len(), 100);
        assert_eq!(skus.at(0.0), "LAB-1");
        // 1 of about 5.1, which is the sum of the weights.
        assert_eq!((skus.at(0.19), skus.at(0.20)), ("LAB-1", "LAB-2"));
        assert_eq!(skus.at(1.0), "LAB-100");
    }

    #[test]
    fn a_uniform_spread_asks_for_all_alike() {
        let skus = Skus::of(Spread::Uniform);
        assert_eq!((skus.at(0.5), skus.at(0.99995)), ("LAB-5001", "LAB-10000"));
        assert_eq!(Skus::of(Spread::Hot).at(0.7), "LAB-1");
    }
}
