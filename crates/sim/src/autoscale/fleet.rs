use std::time::Duration;

use crate::dice::Dice;

/// How long a worker's jobs are leased: what a dead one held comes back after it.
const LEASE: Duration = Duration::from_secs(10);
/// How long a worker that was told to stop may take to end what it does; then it gives it back.
const GRACE: Duration = Duration::from_secs(20);

/// Workers, and the jobs that wait for them.
#[derive(Debug)]
pub(super) struct Fleet {
    dice: Dice,
    slots: usize,
    service: Service,
    workers: Vec<Worker>,
    waiting: u64,
    /// What dead workers held, and when it comes back.
    held: Vec<(Duration, u64)>,
}

/// How long jobs take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Service {
    pub(super) mean: Duration,
    /// Anything between nothing and many times the mean; otherwise within a half of it.
    pub(super) wild: bool,
}

#[derive(Debug)]
struct Worker {
    ready_at: Duration,
    /// When it ends at the latest, once it was told to stop.
    ends_at: Option<Duration>,
    /// When the jobs that it runs began and will end.
    jobs: Vec<(Duration, Duration)>,
}

/// What was served in a tick.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Served {
    pub(super) jobs: u64,
    pub(super) service: Duration,
}

impl Service {
    fn draw(self, dice: &Dice) -> Duration {
        let chance = dice.between(1, 1_000_000) as f64 / 1e6;
        let times = if self.wild {
            -chance.ln()
        } else {
            0.5 + chance
        };
        self.mean.mul_f64(times)
    }
}

impl Fleet {
    pub(super) fn new(dice: Dice, slots: u32, service: Service) -> Self {
        Self {
            dice,
            slots: slots as usize,
            service,
            workers: Vec::new(),
            waiting: 0,
            held: Vec::new(),
        }
    }

    pub(super) fn put(&mut self, jobs: u64) {
        self.waiting += jobs;
    }

    /// The jobs that wait and could run.
    pub(super) fn backlog(&self) -> u64 {
        self.waiting
    }

    /// The jobs that are held by workers, those of dead ones included whose leases are not over.
    pub(super) fn in_flight(&self) -> u64 {
        let running = self.workers.iter().map(|worker| worker.jobs.len() as u64);
        running.sum::<u64>() + self.held.iter().map(|(_, jobs)| jobs).sum::<u64>()
    }

    /// The workers that were not told to stop, whether they are up already or not.
    pub(super) fn wanted(&self) -> usize {
        self.workers
            .iter()
            .filter(|worker| worker.ends_at.is_none())
            .count()
    }

    /// Starts or stops workers; those with the least to do are stopped first, and end what they do within their grace. Answers
    /// how many of those that were stopped had something to do.
    pub(super) fn scale(&mut self, to: u32, now: Duration) -> u64 {
        let to = to as usize;
        while self.wanted() < to {
            let delay = self.dice.millis(1000, 6000);
            self.workers.push(Worker {
                ready_at: now + delay,
                ends_at: None,
                jobs: Vec::new(),
            });
        }
        let mut interrupted = 0;
        while self.wanted() > to {
            let workers = self.workers.iter_mut();
            let running = workers.filter(|worker| worker.ends_at.is_none());
            if let Some(idlest) = running.min_by_key(|worker| worker.jobs.len()) {
                idlest.ends_at = Some(now + GRACE);
                interrupted += u64::from(!idlest.jobs.is_empty());
            }
        }
        interrupted
    }

    /// Half of the workers die with what they are doing.
    pub(super) fn kill_half(&mut self, now: Duration) {
        let dead = self.workers.len() / 2;
        let held = self
            .workers
            .drain(..dead)
            .map(|worker| worker.jobs.len() as u64);
        let held = held.sum();
        self.held.push((now + LEASE, held));
    }

    /// Ends and begins what is due.
    pub(super) fn work(&mut self, now: Duration) -> Served {
        let back = self.held.extract_if(.., |(at, _)| *at <= now);
        self.waiting += back.map(|(_, jobs)| jobs).sum::<u64>();
        let mut served = Served::default();
        for worker in &mut self.workers {
            for (began, ended) in worker.jobs.extract_if(.., |(_, ends)| *ends <= now) {
                served.jobs += 1;
                served.service += ended - began;
            }
        }
        let gone = self.workers.extract_if(.., |worker| {
            let ends = |at: Duration| at <= now || worker.jobs.is_empty();
            worker.ends_at.is_some_and(ends)
        });
        self.waiting += gone.map(|worker| worker.jobs.len() as u64).sum::<u64>();
        for worker in &mut self.workers {
            let up = worker.ready_at <= now && worker.ends_at.is_none();
            while up && self.waiting > 0 && worker.jobs.len() < self.slots {
                self.waiting -= 1;
                let takes = self.service.draw(&self.dice);
                worker.jobs.push((now, now + takes));
            }
        }
        served
    }
}
