//! What comes in, is served and waits, for who decides how many workers there should be.
//!
//! It is read from the database, so that one process can decide for all: jobs that workers of any language served are in
//! the history, and what came in is what there is more of, and what has ended. A job that is tried again comes in again.

use std::collections::BTreeMap;
use std::iter::Sum;
use std::sync::Arc;
use std::time::Duration;

use stanchion_kernel::{Clock, Timestamp};
use stanchion_store::StoreError;

use crate::autoscale::Sight;
use crate::model::Queue;
use crate::port::{Figures, Passed, Port};

/// How far backlogs, and what ended since the last look, are counted.
const COUNT_TO: u32 = 100_000;
/// The first look tells what was served within this time, so that how long a job takes is known from the beginning.
const LOOK_BACK: Duration = Duration::from_mins(1);

/// The load on a queue since the last look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// How many jobs came in; none at the first look, which does not know what was there before.
    pub arrived: u64,
    /// How many were served.
    pub served: u64,
    /// How long those ran, together.
    pub service: Duration,
    /// How many wait and could run.
    pub backlog: u64,
    /// How many are held by workers.
    pub in_flight: u64,
}

impl Load {
    /// The same as an autoscaler takes it.
    #[must_use]
    pub fn seen(self, at: Duration) -> Sight {
        Sight {
            at,
            arrived: self.arrived,
            served: self.served,
            service: self.service,
            backlog: self.backlog,
            in_flight: self.in_flight,
        }
    }
}

impl Sum for Load {
    fn sum<I: Iterator<Item = Self>>(loads: I) -> Self {
        loads.fold(Self::default(), |sum, load| Self {
            arrived: sum.arrived + load.arrived,
            served: sum.served + load.served,
            service: sum.service + load.service,
            backlog: sum.backlog + load.backlog,
            in_flight: sum.in_flight + load.in_flight,
        })
    }
}

/// The load on all queues, as one look saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loads {
    /// When, monotonic.
    pub at: Duration,
    /// By queue, for those of which there was something to see now or at the last look.
    pub queues: BTreeMap<Queue, Load>,
}

impl Loads {
    /// Of all queues together.
    #[must_use]
    pub fn all(&self) -> Load {
        self.queues.values().copied().sum()
    }

    /// Of these queues together.
    #[must_use]
    pub fn of(&self, queues: &[Queue]) -> Load {
        let loads = self.queues.iter();
        let loads = loads.filter(|(queue, _)| queues.contains(queue));
        loads.map(|(_, load)| *load).sum()
    }
}

/// Looks at the load again and again.
#[derive(Debug)]
pub struct Lookout {
    port: Arc<dyn Port>,
    clock: Clock,
    last: Option<Last>,
}

/// What the last look left behind.
#[derive(Debug)]
struct Last {
    until: Timestamp,
    /// What waited or ran, by queue.
    present: BTreeMap<Queue, u64>,
}

impl Lookout {
    /// Nothing was seen yet.
    #[must_use]
    pub fn new(port: Arc<dyn Port>, clock: Clock) -> Self {
        Self {
            port,
            clock,
            last: None,
        }
    }

    /// The load since the last look. After an error the next look is about both times.
    ///
    /// # Errors
    /// The database's own.
    pub async fn look(&mut self) -> Result<Loads, StoreError> {
        let until = self.port.now().await?;
        let since = match &self.last {
            Some(last) => last.until,
            None => until.saturating_sub(LOOK_BACK),
        };
        let passed = self.port.passed(since, until, COUNT_TO).await?;
        let figures = self.port.figures(COUNT_TO).await?;
        let at = self.clock.monotonic();
        let queues = tally(self.last.as_ref(), &figures, &passed);
        let present = queues.iter();
        let present = present.map(|(queue, load)| (queue.clone(), load.backlog + load.in_flight));
        self.last = Some(Last {
            until,
            present: present.filter(|(_, jobs)| *jobs > 0).collect(),
        });
        Ok(Loads { at, queues })
    }
}

/// What came in is what there is more of than before, and what has ended since.
fn tally(last: Option<&Last>, figures: &[Figures], passed: &[Passed]) -> BTreeMap<Queue, Load> {
    let mut loads: BTreeMap<Queue, Load> = BTreeMap::new();
    for figures in figures {
        let load = loads.entry(figures.queue.clone()).or_default();
        load.backlog += figures.backlog;
        load.in_flight += figures.in_flight;
    }
    let mut ended: BTreeMap<&Queue, u64> = BTreeMap::new();
    for passed in passed {
        let load = loads.entry(passed.queue.clone()).or_default();
        load.served += passed.served;
        load.service += passed.ran;
        *ended.entry(&passed.queue).or_default() += passed.served + passed.cancelled;
    }
    let Some(last) = last else {
        return loads;
    };
    for queue in last.present.keys() {
        loads.entry(queue.clone()).or_default();
    }
    for (queue, load) in &mut loads {
        let present = load.backlog + load.in_flight;
        let was_present = last.present.get(queue).copied().unwrap_or_default();
        let ended = ended.get(queue).copied().unwrap_or_default();
        load.arrived = (present + ended).saturating_sub(was_present);
    }
    loads
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Priority;

    fn queue(name: &str) -> Queue {
        Queue::new(name).unwrap()
    }

    fn figures(name: &str, backlog: u64, in_flight: u64) -> Figures {
        Figures {
            queue: queue(name),
            priority: Priority::NORMAL,
            backlog,
            oldest_age: Duration::ZERO,
            scheduled: 7,
            in_flight,
            parked: 7,
        }
    }

    fn passed(name: &str, served: u64, cancelled: u64) -> Passed {
        Passed {
            queue: queue(name),
            served,
            ran: Duration::from_secs(served),
            cancelled,
        }
    }

    fn last(present: &[(&str, u64)]) -> Last {
        let present = present.iter();
        Last {
            until: Timestamp::from_micros(0),
            present: present.map(|(name, jobs)| (queue(name), *jobs)).collect(),
        }
    }

    #[test]
    fn what_came_in_is_what_there_is_more_of_and_what_has_ended() {
        let last = last(&[("a", 10), ("gone", 3)]);
        let figures = [figures("a", 6, 2), figures("a", 1, 0), figures("new", 4, 0)];
        let passed = [passed("a", 5, 1), passed("gone", 3, 0)];
        let loads = tally(Some(&last), &figures, &passed);
        let arrived: Vec<_> = loads
            .iter()
            .map(|(queue, load)| (queue.as_str(), load.arrived))
            .collect();
        assert_eq!(arrived, [("a", 5), ("gone", 0), ("new", 4)]);
        let a = loads[&queue("a")];
        assert_eq!((a.backlog, a.in_flight, a.served), (7, 2, 5));
        assert_eq!(a.service, Duration::from_secs(5));
        let seen = a.seen(Duration::from_secs(9));
        assert_eq!((seen.arrived, seen.backlog, seen.in_flight), (5, 7, 2));
    }

    #[test]
    fn the_first_look_knows_of_no_arrivals() {
        let loads = tally(None, &[figures("a", 6, 2)], &[passed("a", 5, 0)]);
        let a = loads[&queue("a")];
        assert_eq!((a.arrived, a.served, a.backlog), (0, 5, 6));
    }

    #[test]
    fn what_went_away_unseen_is_no_arrival() {
        let loads = tally(Some(&last(&[("a", 10)])), &[figures("a", 2, 0)], &[]);
        assert_eq!(loads[&queue("a")].arrived, 0);
    }

    #[test]
    fn the_load_of_some_queues_is_theirs_alone() {
        let queues = tally(None, &[figures("a", 1, 0), figures("b", 2, 0)], &[]);
        let at = Duration::ZERO;
        let loads = Loads { at, queues };
        assert_eq!(loads.of(&[queue("b")]).backlog, 2);
        assert_eq!(loads.of(&[queue("c")]).backlog, 0);
        assert_eq!(loads.of(&[]).backlog, 0);
        assert_eq!(loads.all().backlog, 3);
    }
}
