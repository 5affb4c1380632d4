//! A short memory of which SKUs are for sale, so that a hot one does not ask the catalogue for each reservation.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use stanchion_catalog::Status;
use stanchion_kernel::Clock;

/// The most SKUs that are remembered; one more empties the memory.
const MOST: usize = 10_000;

pub(super) struct KnownSkus {
    clock: Clock,
    by_sku: Mutex<HashMap<String, (Duration, Option<Status>)>>,
}

impl KnownSkus {
    /// How long an answer is good: a product that is archived here or elsewhere can be sold this much longer.
    pub(super) const AGE: Duration = Duration::from_millis(500);

    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            by_sku: Mutex::default(),
        }
    }

    /// The statuses, when all of them are known.
    pub(super) fn get(&self, skus: &[&str]) -> Option<Vec<Option<Status>>> {
        let now = self.clock.monotonic();
        let by_sku = self.by_sku.lock().unwrap_or_else(PoisonError::into_inner);
        let known = skus.iter().map(|sku| {
            let (at, status) = by_sku.get(*sku)?;
            (now.saturating_sub(*at) < Self::AGE).then_some(*status)
        });
        known.collect()
    }

    /// Remembers what the catalogue said.
    pub(super) fn put(&self, skus: &[&str], statuses: &[Option<Status>]) {
        let now = self.clock.monotonic();
        let mut by_sku = self.by_sku.lock().unwrap_or_else(PoisonError::into_inner);
        if by_sku.len() + skus.len() > MOST {
            by_sku.clear();
        }
        for (sku, status) in skus.iter().zip(statuses) {
            by_sku.insert((*sku).to_owned(), (now, *status));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stanchion_kernel::Timestamp;

    #[test]
    fn what_is_remembered_is_forgotten_in_time_and_bounded() {
        let (clock, hand) = Clock::manual(Timestamp::default());
        let known = KnownSkus::new(clock);
        known.put(&["a", "b"], &[Some(Status::Active), None]);
        assert_eq!(
            known.get(&["b", "a"]),
            Some(vec![None, Some(Status::Active)])
        );
        assert_eq!(known.get(&["a", "c"]), None, "one of them is not known");
        hand.advance(KnownSkus::AGE);
        assert_eq!(known.get(&["a"]), None);
        for n in 0..=MOST {
            known.put(&[n.to_string().as_str()], &[None]);
        }
        assert!(known.by_sku.lock().unwrap().len() <= MOST);
    }
}
