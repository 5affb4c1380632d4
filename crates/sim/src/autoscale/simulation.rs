use std::time::Duration;

use stanchion_jobs::autoscale::{Autoscaler, Rules, Sight};

use super::fleet::{Fleet, Served, Service};
use super::history::{History, Moment};
use super::load::{Arrivals, END, Load};
use super::wrong::Wrong;
use crate::dice::Dice;

/// Seventeen minutes of an autoscaler, a fleet and a load.
#[derive(Clone, Copy, Debug)]
pub struct Simulation {
    /// Decides everything that chance decides.
    pub seed: u64,
    /// How the work comes in.
    pub load: Load,
    /// What is wrong with the autoscaler, if anything is.
    pub wrong: Option<Wrong>,
}

const TICK: Duration = Duration::from_millis(100);
/// How many ticks there are between two looks at the queues.
const LOOK: u32 = 10;

/// A run under way.
struct Run {
    dice: Dice,
    arrivals: Arrivals,
    service: Service,
    rules: Rules,
    fleet: Fleet,
    wrong: Option<Wrong>,
}

impl Simulation {
    /// Runs it.
    #[must_use]
    pub fn run(self) -> History {
        let mut run = Run::new(self);
        let mut scaler = Autoscaler::new(run.rules);
        let (mut arrived, mut served) = (0, Served::default());
        let mut moments = Vec::new();
        let ticks = u32::try_from(END.as_millis() / TICK.as_millis()).unwrap_or(u32::MAX);
        for tick in 0..ticks {
            let now = TICK * tick;
            arrived += run.arrive(now);
            if run.arrivals.kills_half(now) {
                run.fleet.kill_half(now);
            }
            let done = run.fleet.work(now);
            served.jobs += done.jobs;
            served.service += done.service;
            if tick % LOOK == 0 {
                let sight = run.sight(
                    now,
                    std::mem::take(&mut arrived),
                    std::mem::take(&mut served),
                );
                let wanted = scaler.observe(&sight);
                let wanted = run.wanted(wanted);
                let interrupted = run.fleet.scale(wanted, now);
                moments.push(run.moment(now, wanted, interrupted));
            }
        }
        History {
            seed: self.seed,
            moments,
            slots: run.rules.slots,
            drain: run.rules.drain,
        }
    }
}

impl Run {
    fn new(simulation: Simulation) -> Self {
        let Simulation { seed, load, wrong } = simulation;
        let dice = Dice::new(seed);
        let (slots, mean) = match load {
            Load::Long => (1, dice.millis(300_000, 600_000)),
            _ => (dice.between(1, 4), dice.millis(100, 2000)),
        };
        let slots = u32::try_from(slots).unwrap_or(1);
        let service = Service {
            mean,
            wild: dice.permille(500),
        };
        let assumed = Rules::default().assumed_service;
        let rules = Rules {
            max: 1000,
            slots,
            // Nobody would wait for the first of them to learn how long they take.
            assumed_service: if load == Load::Long { mean } else { assumed },
            ..Rules::default()
        };
        Self {
            arrivals: Arrivals::new(load, &dice),
            fleet: Fleet::new(dice.clone(), slots, service),
            rules: wrong.map_or(rules, |wrong| wrong.rules(rules)),
            dice,
            service,
            wrong,
        }
    }

    /// Lets come in what comes in within a tick, each job at any moment of it.
    fn arrive(&mut self, now: Duration) -> u64 {
        let mut left = self.arrivals.per_s(now) * TICK.as_secs_f64();
        let mut jobs = self.arrivals.at_once(now);
        loop {
            let chance = self.dice.between(1, 1_000_000) as f64 / 1e6;
            left += chance.ln();
            if left <= 0.0 {
                break;
            }
            jobs += 1;
        }
        self.fleet.put(jobs);
        jobs
    }

    fn sight(&self, at: Duration, arrived: u64, served: Served) -> Sight {
        let sight = Sight {
            at,
            arrived,
            served: served.jobs,
            service: served.service,
            backlog: self.fleet.backlog(),
            in_flight: self.fleet.in_flight(),
        };
        self.wrong.map_or(sight, |wrong| wrong.sight(sight))
    }

    fn wanted(&self, said: u32) -> u32 {
        let running = u32::try_from(self.fleet.wanted()).unwrap_or(u32::MAX);
        let backlog = self.fleet.backlog();
        self.wrong
            .map_or(said, |wrong| wrong.wanted(said, running, backlog))
            .min(self.rules.max)
    }

    fn moment(&self, at: Duration, wanted: u32, interrupted: u64) -> Moment {
        let slots = f64::from(self.rules.slots);
        let (service_s, backlog) = (self.service.mean.as_secs_f64(), self.fleet.backlog());
        let drain_s = self.rules.drain.as_secs_f64();
        Moment {
            at,
            wanted,
            backlog,
            steady: self.arrivals.per_s(at) * service_s / slots,
            extra: backlog as f64 * service_s / drain_s / slots,
            busy: self.fleet.in_flight() as f64 / slots,
            interrupted,
        }
    }
}
