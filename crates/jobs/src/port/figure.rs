//! Figures from counts.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Figures;
use crate::model::{Priority, Queue};

/// A count as a statement answers it.
#[derive(Clone, Debug)]
pub(crate) struct Count {
    /// `ready`, `scheduled`, `running` or `parked`.
    pub(crate) what: String,
    pub(crate) queue: Queue,
    pub(crate) priority: Priority,
    pub(crate) jobs: i64,
    pub(crate) age_us: Option<i64>,
}

/// Counts of one queue and priority together; a bound holds for their sum, too.
pub(crate) fn merge(counts: Vec<Count>, count_to: u32) -> Vec<Figures> {
    let mut merged: BTreeMap<(Queue, Priority), Figures> = BTreeMap::new();
    let bound = u64::from(count_to);
    for count in counts {
        let lane = (count.queue.clone(), count.priority);
        let figures = merged.entry(lane).or_insert_with(|| Figures {
            queue: count.queue,
            priority: count.priority,
            backlog: 0,
            oldest_age: Duration::ZERO,
            scheduled: 0,
            in_flight: 0,
            parked: 0,
        });
        let jobs = count.jobs.unsigned_abs();
        match count.what.as_str() {
            "ready" => {
                figures.backlog = (figures.backlog + jobs).min(bound);
                let age_us = count.age_us.unwrap_or_default();
                let age = Duration::from_micros(u64::try_from(age_us).unwrap_or_default());
                figures.oldest_age = figures.oldest_age.max(age);
            }
            "scheduled" => figures.scheduled = (figures.scheduled + jobs).min(bound),
            "running" => figures.in_flight += jobs,
            _ => figures.parked = (figures.parked + jobs).min(bound),
        }
    }
    let something = |one: &Figures| one.backlog + one.scheduled + one.in_flight + one.parked > 0;
    merged.into_values().filter(something).collect()
}
