use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use metrics::Gauge;

/// A bound on how many may be inside. One more is refused, nothing waits.
#[derive(Clone)]
pub(crate) struct Admission(Arc<Inner>);

struct Inner {
    inside: AtomicUsize,
    most: usize,
    gauge: Gauge,
}

/// A place inside; dropping it frees the place.
pub(crate) struct Place(Arc<Inner>);

impl Admission {
    pub(crate) fn new(most: usize, gauge: Gauge) -> Self {
        Self(Arc::new(Inner {
            inside: AtomicUsize::new(0),
            most: most.max(1),
            gauge,
        }))
    }

    pub(crate) fn enter(&self) -> Option<Place> {
        let before = self.0.inside.fetch_add(1, Ordering::AcqRel);
        if before >= self.0.most {
            self.0.inside.fetch_sub(1, Ordering::AcqRel);
            return None;
        }
        self.0.gauge.increment(1.0);
        Some(Place(Arc::clone(&self.0)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::AcqRel);
        self.0.gauge.decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_more_than_the_bound_is_refused_until_one_leaves() {
        let admission = Admission::new(2, Gauge::noop());
        let first = admission.enter();
        let second = admission.enter();
        assert!(first.is_some() && second.is_some() && admission.enter().is_none());
        drop(first);
        assert!(admission.enter().is_some());
    }
}
