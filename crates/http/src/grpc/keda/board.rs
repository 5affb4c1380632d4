//! The figures as of the last look, from which every call is answered at once.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stanchion_jobs::autoscale::{Autoscaler, Rules};
use stanchion_jobs::load::{Load, Loads};
use tokio::sync::watch;
use tonic::Status;

use super::KedaConfig;
use super::wish::Wish;

/// A wish that nobody had for so long is forgotten.
const FORGET_AFTER: Duration = Duration::from_mins(10);

/// What is known for a wish.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Known {
    /// How many replicas there should be, no fewer than what runs has use for; whoever asks rounds up.
    pub(super) workers: f64,
    /// Whether anything waits or runs.
    pub(super) is_active: bool,
}

/// The board.
#[derive(Debug)]
pub(super) struct Board {
    stale: Duration,
    max_wishes: usize,
    state: Mutex<State>,
    looks: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    loads: Option<Loads>,
    wishes: HashMap<Wish, Kept>,
}

#[derive(Debug)]
struct Kept {
    autoscaler: Autoscaler,
    asked_at: Duration,
}

impl Board {
    pub(super) fn new(config: &KedaConfig) -> Self {
        Self {
            stale: Duration::from_millis(config.stale_ms),
            max_wishes: config.max_wishes,
            state: Mutex::default(),
            looks: watch::Sender::new(()),
        }
    }

    /// Hears of every look.
    pub(super) fn looks(&self) -> watch::Receiver<()> {
        self.looks.subscribe()
    }

    /// Puts up what was seen.
    pub(super) fn put_up(&self, loads: Loads) {
        {
            let mut state = self.state();
            let wished = |kept: &Kept| loads.at.saturating_sub(kept.asked_at) <= FORGET_AFTER;
            state.wishes.retain(|_, kept| wished(kept));
            for (wish, kept) in &mut state.wishes {
                kept.autoscaler.observe(&load(&loads, wish).seen(loads.at));
            }
            state.loads = Some(loads);
        }
        self.looks.send_replace(());
    }

    /// What is known for a wish. From its first time on it is reckoned with at every look.
    pub(super) fn read(&self, wish: &Wish, now: Duration) -> Result<Known, Status> {
        let mut state = self.state();
        let State { loads, wishes } = &mut *state;
        let fresh = loads
            .as_ref()
            .filter(|loads| now.saturating_sub(loads.at) <= self.stale);
        let Some(loads) = fresh else {
            return Err(Status::unavailable("the load is not known at present"));
        };
        if wishes.len() >= self.max_wishes && !wishes.contains_key(wish) {
            return Err(Status::resource_exhausted("too many different scalers"));
        }
        let load = load(loads, wish);
        let kept = wishes.entry(wish.clone()).or_insert_with(|| {
            let mut autoscaler = Autoscaler::new(rules(wish));
            autoscaler.observe(&load.seen(loads.at));
            Kept {
                autoscaler,
                asked_at: now,
            }
        });
        kept.asked_at = now;
        // Jobs that take long are no need any more when all of them run, and their workers are not to be stopped.
        let jobs = kept.autoscaler.need().max(load.in_flight as f64);
        Ok(Known {
            workers: jobs / f64::from(wish.slots),
            is_active: load.backlog + load.in_flight > 0,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn load(loads: &Loads, wish: &Wish) -> Load {
    match &wish.queue {
        Some(queue) => loads.of(std::slice::from_ref(queue)),
        None => loads.all(),
    }
}

/// Bounds and patience are those of who asks.
fn rules(wish: &Wish) -> Rules {
    Rules {
        min: 0,
        max: u32::MAX,
        drain: wish.drain,
        ..Rules::default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use stanchion_jobs::Queue;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn queue(name: &str) -> Queue {
        Queue::new(name).unwrap()
    }

    fn wish(name: Option<&str>) -> Wish {
        Wish {
            queue: name.map(queue),
            drain: 10 * SECOND,
            slots: 2,
        }
    }

    /// Ten jobs of two seconds were served, and so many wait in two queues.
    fn loads(at: Duration, mail: u64, pictures: u64) -> Loads {
        let load = |backlog| Load {
            served: 10,
            service: 20 * SECOND,
            backlog,
            ..Load::default()
        };
        let queues = [("mail", mail), ("pictures", pictures)];
        let queues = queues.map(|(name, backlog)| (queue(name), load(backlog)));
        let queues = BTreeMap::from(queues);
        Loads { at, queues }
    }

    fn board(max_wishes: usize) -> Board {
        Board::new(&KedaConfig {
            max_wishes,
            ..KedaConfig::default()
        })
    }

    #[test]
    fn a_backlog_wants_the_workers_that_drain_it_in_time() {
        let board = board(9);
        board.put_up(loads(SECOND, 100, 0));
        // About 2 s each within 10 s, two at once: 10 workers.
        let known = board.read(&wish(Some("mail")), SECOND).unwrap();
        assert!((9.0..=10.0).contains(&known.workers), "{known:?}");
        assert!(known.is_active);
        let idle = board.read(&wish(Some("pictures")), SECOND).unwrap();
        assert_eq!((idle.workers, idle.is_active), (0.0, false));
        let all = board.read(&wish(None), SECOND).unwrap();
        assert!((9.0..=10.0).contains(&all.workers), "{all:?}");
        board.put_up(loads(2 * SECOND, 0, 0));
        let drained = board.read(&wish(Some("mail")), 2 * SECOND).unwrap();
        assert_eq!((drained.workers, drained.is_active), (0.0, false));
    }

    #[test]
    fn what_runs_wants_its_workers_until_it_ends() {
        let board = board(9);
        let told = |at: Duration, in_flight| {
            let load = Load {
                in_flight,
                ..Load::default()
            };
            let queues = BTreeMap::from([(queue("mail"), load)]);
            board.put_up(Loads { at, queues });
            let known = board.read(&wish(Some("mail")), at).unwrap();
            (known.workers, known.is_active)
        };
        // Two at once to a worker, of which nothing has come for minutes.
        assert_eq!(told(SECOND, 7), (3.5, true));
        assert_eq!(told(500 * SECOND, 7), (3.5, true));
        assert_eq!(told(501 * SECOND, 2), (1.0, true));
        assert_eq!(told(502 * SECOND, 0), (0.0, false));
    }

    #[test]
    fn what_is_not_known_or_long_ago_is_not_told() {
        let board = board(9);
        let code = |now| board.read(&wish(None), now).map_err(|status| status.code());
        assert_eq!(code(SECOND), Err(tonic::Code::Unavailable));
        board.put_up(loads(SECOND, 1, 1));
        assert!(code(SECOND).is_ok());
        assert_eq!(code(3600 * SECOND), Err(tonic::Code::Unavailable));
    }

    #[test]
    fn wishes_are_bounded_and_forgotten() {
        let board = board(1);
        board.put_up(loads(SECOND, 1, 1));
        assert!(board.read(&wish(None), SECOND).is_ok());
        let refused = board.read(&wish(Some("mail")), SECOND).unwrap_err();
        assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
        let later = FORGET_AFTER + 2 * SECOND;
        board.put_up(loads(later, 1, 1));
        assert!(board.read(&wish(Some("mail")), later).is_ok());
    }
}
