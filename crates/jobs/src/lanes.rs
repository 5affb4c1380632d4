//! Between the lanes of [`crate::share`] and what a broker is asked for.

use std::time::Duration;

use crate::model::{Claimed, Queue};
use crate::port::Quota;
use crate::share::{Asked, Lane, Taken, Wish};

/// What is asked for, as a broker takes it.
pub(crate) fn quotas(asked: &Asked, queues: &[Queue]) -> Vec<Quota> {
    let quota = |wish: &Wish| Quota {
        queue: queues[wish.lane.queue].clone(),
        priority: wish.lane.priority,
        jobs: wish.jobs,
    };
    asked.wishes.iter().map(quota).collect()
}

/// A job as the shares are charged for it; none when it is of no queue among these.
pub(crate) fn taken(job: &Claimed, queues: &[Queue]) -> Option<Taken> {
    let queue = queues.iter().position(|queue| *queue == job.queue)?;
    let wait_us = job.claimed_at.as_micros() - job.run_at.as_micros();
    Some(Taken {
        lane: Lane {
            queue,
            priority: job.priority,
        },
        wait: Duration::from_micros(u64::try_from(wait_us).unwrap_or_default()),
    })
}
