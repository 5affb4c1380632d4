//! How the queues stand: what waits, and how long jobs waited and ran lately. Pure but for the two reads.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::error::JobsError;
use crate::jobs::Jobs;
use crate::model::{Priority, Queue};
use crate::port::{Figures, Sample};

/// How a queue stands at a priority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What waits, runs, and is parked.
    pub figures: Figures,
    /// Of how many completed jobs the times below are.
    pub samples: u32,
    /// How long they could have been claimed before their last attempt began; none without a sample.
    pub wait: Option<Quantiles>,
    /// How long their last attempts took; none without a sample.
    pub run: Option<Quantiles>,
}

/// Times that so much of the jobs did not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantiles {
    /// Half of them.
    pub p50: Duration,
    /// 95 of 100.
    pub p95: Duration,
    /// 99 of 100.
    pub p99: Duration,
}

impl Jobs {
    /// How the queues stand: each priority that has something waiting, parked or running, or that had a job among the last
    /// `samples` that completed. Backlogs are counted up to `count_to`.
    ///
    /// # Errors
    /// The database's own.
    pub async fn standing(&self, count_to: u32, samples: u32) -> Result<Vec<Standing>, JobsError> {
        let figures = self.figures(count_to).await?;
        let recent = self.port().recent(samples).await?;
        Ok(standing(figures, &recent))
    }
}

/// Puts figures and samples together, by queue and priority.
#[must_use]
pub fn standing(figures: Vec<Figures>, recent: &[Sample]) -> Vec<Standing> {
    let mut times: BTreeMap<(Queue, Priority), Times> = BTreeMap::new();
    for sample in recent {
        let lane = (sample.queue.clone(), sample.priority);
        times.entry(lane).or_default().add(sample);
    }
    let mut lanes: BTreeMap<(Queue, Priority), Figures> = times
        .keys()
        .map(|lane| (lane.clone(), nothing(lane)))
        .collect();
    for figures in figures {
        lanes.insert((figures.queue.clone(), figures.priority), figures);
    }
    let stands = |(lane, figures)| {
        let times = times.remove(&lane).unwrap_or_default();
        Standing {
            figures,
            samples: u32::try_from(times.run.len()).unwrap_or(u32::MAX),
            wait: quantiles(times.wait),
            run: quantiles(times.run),
        }
    };
    lanes.into_iter().map(stands).collect()
}

#[derive(Default)]
struct Times {
    wait: Vec<Duration>,
    run: Vec<Duration>,
}

impl Times {
    fn add(&mut self, sample: &Sample) {
        let started_at = sample.started_at.unwrap_or(sample.finished_at);
        self.wait.push(started_at.since(sample.run_at));
        self.run.push(sample.finished_at.since(started_at));
    }
}

fn nothing((queue, priority): &(Queue, Priority)) -> Figures {
    Figures {
        queue: queue.clone(),
        priority: *priority,
        backlog: 0,
        oldest_age: Duration::ZERO,
        scheduled: 0,
        in_flight: 0,
        parked: 0,
    }
}

/// By the nearest rank: each is a time that a job had.
fn quantiles(mut times: Vec<Duration>) -> Option<Quantiles> {
    times.sort_unstable();
    let at = |percent: usize| {
        let rank = (times.len() * percent).div_ceil(100);
        times.get(rank.saturating_sub(1)).copied()
    };
    Some(Quantiles {
        p50: at(50)?,
        p95: at(95)?,
        p99: at(99)?,
    })
}

#[cfg(test)]
mod tests {
    use stanchion_kernel::Timestamp;

    use super::*;
    use crate::model::Kind;

    fn sample(queue: &str, wait_ms: i64, run_ms: i64) -> Sample {
        let at = |ms: i64| Timestamp::from_micros(ms * 1000);
        Sample {
            queue: Queue::new(queue).unwrap(),
            kind: Kind::new("k").unwrap(),
            priority: Priority::NORMAL,
            created_at: at(0),
            run_at: at(0),
            started_at: Some(at(wait_ms)),
            finished_at: at(wait_ms + run_ms),
        }
    }

    #[test]
    fn quantiles_are_times_that_jobs_had() {
        let samples: Vec<_> = (1..=100).map(|n| sample("a", n, 2 * n)).collect();
        let stands = standing(Vec::new(), &samples);
        let ms = Duration::from_millis;
        let quantiles = |p50, p95, p99| {
            Some(Quantiles {
                p50: ms(p50),
                p95: ms(p95),
                p99: ms(p99),
            })
        };
        assert_eq!(stands[0].samples, 100);
        assert_eq!(stands[0].wait, quantiles(50, 95, 99));
        assert_eq!(stands[0].run, quantiles(100, 190, 198));
    }

    #[test]
    fn a_queue_is_shown_for_what_waits_and_for_what_was_done() {
        let waiting = Figures {
            backlog: 3,
            ..nothing(&(Queue::new("b").unwrap(), Priority::NORMAL))
        };
        let stands = standing(vec![waiting], &[sample("a", 1, 1)]);
        let shown: Vec<_> = stands
            .iter()
            .map(|stand| {
                (
                    stand.figures.queue.as_str(),
                    stand.figures.backlog,
                    stand.samples,
                )
            })
            .collect();
        assert_eq!(shown, [("a", 0, 1), ("b", 3, 0)]);
        assert_eq!((stands[1].wait, stands[1].run), (None, None));
    }
}
