//! How many jobs fit in beside those that run. Pure.

use crate::work::Weight;

/// What there is, and what of it is taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    capacity: Weight,
    concurrency: usize,
    running: usize,
    used: Weight,
    /// The most that a job here needs.
    largest: Weight,
    /// What jobs needed lately, on the average.
    typical: Weight,
}

/// How many jobs to claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) jobs: u32,
    /// Whether all of them will fit in, whatever they are.
    pub(super) fits: bool,
}

impl Room {
    pub(super) fn new(
        concurrency: usize,
        capacity: Weight,
        weights: impl Iterator<Item = Weight>,
    ) -> Self {
        let largest = weights.fold(NOTHING, |most, weight| Weight {
            cpu_millis: most.cpu_millis.max(weight.cpu_millis),
            memory_bytes: most.memory_bytes.max(weight.memory_bytes),
        });
        Self {
            capacity,
            concurrency: concurrency.max(1),
            running: 0,
            used: NOTHING,
            largest,
            typical: largest,
        }
    }

    /// Whether a job may begin now. What exceeds everything begins when nothing runs.
    pub(super) fn fits(&self, weight: Weight) -> bool {
        let used = plus(self.used, weight);
        let within = used.cpu_millis <= self.capacity.cpu_millis
            && used.memory_bytes <= self.capacity.memory_bytes;
        self.running == 0 || (self.running < self.concurrency && within)
    }

    pub(super) fn take(&mut self, weight: Weight) {
        self.running += 1;
        self.used = plus(self.used, weight);
        self.typical = Weight {
            cpu_millis: (self.typical.cpu_millis / 8 * 7).saturating_add(weight.cpu_millis / 8),
            memory_bytes: (self.typical.memory_bytes / 8 * 7)
                .saturating_add(weight.memory_bytes / 8),
        };
    }

    pub(super) fn release(&mut self, weight: Weight) {
        self.running = self.running.saturating_sub(1);
        self.used = Weight {
            cpu_millis: self.used.cpu_millis.saturating_sub(weight.cpu_millis),
            memory_bytes: self.used.memory_bytes.saturating_sub(weight.memory_bytes),
        };
    }

    /// How many jobs would fit in now.
    pub(super) fn wish(&self) -> Wish {
        let places = self.concurrency.saturating_sub(self.running);
        let most = places.min(self.times(self.typical));
        // Somebody has to begin, however much it needs.
        let jobs = if self.running == 0 { most.max(1) } else { most };
        Wish {
            jobs: u32::try_from(jobs).unwrap_or(u32::MAX),
            fits: jobs <= self.times(self.largest) || (self.running == 0 && jobs == 1),
        }
    }

    /// How many jobs that need this much fit in.
    fn times(&self, weight: Weight) -> usize {
        let cpu = self
            .capacity
            .cpu_millis
            .saturating_sub(self.used.cpu_millis);
        let memory = self
            .capacity
            .memory_bytes
            .saturating_sub(self.used.memory_bytes);
        let by_cpu = cpu
            .checked_div(weight.cpu_millis)
            .map_or(usize::MAX, |n| n as usize);
        let by_memory = memory.checked_div(weight.memory_bytes);
        let by_memory = by_memory.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
        by_cpu.min(by_memory)
    }
}

const NOTHING: Weight = Weight {
    cpu_millis: 0,
    memory_bytes: 0,
};

fn plus(one: Weight, other: Weight) -> Weight {
    Weight {
        cpu_millis: one.cpu_millis.saturating_add(other.cpu_millis),
        memory_bytes: one.memory_bytes.saturating_add(other.memory_bytes),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cpu(cpu_millis: u32) -> Weight {
        Weight {
            cpu_millis,
            memory_bytes: 1,
        }
    }

    #[test]
    fn a_wish_is_what_fits_in_by_number_and_by_weight() {
        let weights = [cpu(250)];
        let mut room = Room::new(8, cpu(1000), weights.into_iter());
        room.capacity.memory_bytes = 100;
        assert_eq!(
            room.wish(),
            Wish {
                jobs: 4,
                fits: true
            }
        );
        room.take(cpu(250));
        assert_eq!(room.wish().jobs, 3);
        let by_number = Room::new(2, room.capacity, weights.into_iter());
        assert_eq!(by_number.wish().jobs, 2);
    }

    #[test]
    fn a_job_that_needs_more_than_everything_runs_alone() {
        let mut room = Room::new(8, cpu(1000), [cpu(5000)].into_iter());
        assert_eq!(
            room.wish(),
            Wish {
                jobs: 1,
                fits: true
            }
        );
        assert!(room.fits(cpu(5000)));
        room.take(cpu(5000));
        assert!(!room.fits(cpu(1)));
        assert_eq!(room.wish().jobs, 0);
        room.release(cpu(5000));
        assert!(room.fits(cpu(1)));
    }

    proptest! {
        #[test]
        fn what_runs_never_needs_more_than_there_is(
            concurrency in 1..10_usize,
            steps in proptest::collection::vec((0..1500_u32, 0..1500_u64, any::<bool>()), 1..100),
        ) {
            let capacity = Weight { cpu_millis: 1000, memory_bytes: 1000 };
            let mut room = Room::new(concurrency, capacity, std::iter::empty());
            let mut running: Vec<Weight> = Vec::new();
            for (cpu_millis, memory_bytes, ends) in steps {
                let weight = Weight { cpu_millis, memory_bytes };
                if ends && !running.is_empty() {
                    room.release(running.swap_remove(0));
                } else if room.fits(weight) {
                    room.take(weight);
                    running.push(weight);
                }
                let total = running.iter().copied().fold(NOTHING, plus);
                prop_assert_eq!(room.used, total);
                prop_assert_eq!(room.running, running.len());
                prop_assert!(running.len() <= concurrency);
                let within = total.cpu_millis <= 1000 && total.memory_bytes <= 1000;
                prop_assert!(within || running.len() == 1);
                prop_assert!(room.wish().jobs as usize <= concurrency);
            }
        }
    }
}
