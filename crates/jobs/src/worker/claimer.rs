//! Claims jobs for the places that are free, and begins them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use stanchion_kernel::{Backoff, Jitter};
use stanchion_store::{Listener, StoreError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::attempt::Held;
use super::room::Wish;
use super::shared::{Place, Shared};
use crate::beat::Beat;
use crate::ending::{Asked as Asking, End};
use crate::lanes;
use crate::model::{Claimed, Fence, LeaseId, Queue};
use crate::observe;
use crate::port::{Claim, Holder, Verdict};
use crate::share::{Asked, Shares};

/// The pauses after a claim that failed.
const PAUSES: Backoff = Backoff {
    base: Duration::from_millis(50),
    cap: Duration::from_secs(5),
    jitter: Jitter::Equal,
};
/// The most claims in a row for one wish: each of them finds lanes empty that were not.
const ROUNDS: usize = 10;

/// What a look for jobs found.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// As many as were wished for: there may be more.
    All,
    /// All that there was.
    Rest,
}

/// The part of a worker that takes jobs.
#[derive(Debug)]
pub(super) struct Claimer {
    shared: Arc<Shared>,
    stop: CancellationToken,
    listener: Listener,
    shares: Shares,
    /// What was claimed and does not fit in yet, in its order.
    waiting: VecDeque<Held>,
    running: JoinSet<()>,
    /// How many claims in a row failed.
    failures: u32,
    suspects_at: Duration,
}

impl Claimer {
    pub(super) fn new(shared: Arc<Shared>, stop: CancellationToken) -> Self {
        let config = &shared.config;
        Self {
            listener: shared.broker.port().listen(),
            shares: Shares::new(config.queues.len(), config.ageing),
            waiting: VecDeque::new(),
            running: JoinSet::new(),
            failures: 0,
            suspects_at: Duration::ZERO,
            stop,
            shared,
        }
    }

    /// Works until it is told to stop, but leaves nothing half done then. Who knows no kind claims nothing.
    pub(super) async fn work(&mut self) {
        if self.shared.handlers.kinds().next().is_none() {
            return self.stop.cancelled().await;
        }
        while !self.stop.is_cancelled() {
            self.begin_waiting().await;
            self.run_suspects().await;
            let Some(wish) = self.wish().await else {
                continue;
            };
            match self.look(wish).await {
                Ok(Found::All) => self.failures = 0,
                Ok(Found::Rest) => {
                    self.failures = 0;
                    self.begin_waiting().await;
                    let news = self.listener.wait(self.shared.config.poll);
                    self.stop.run_until_cancelled(news).await;
                }
                Err(error) => {
                    observe::failed("claim");
                    tracing::warn!(%error, "no jobs can be claimed for now");
                    let pause = PAUSES.pause(self.failures, self.shared.random());
                    self.failures = self.failures.saturating_add(1);
                    self.unless_stopped(tokio::time::sleep(pause)).await;
                }
            }
        }
    }

    async fn unless_stopped<T>(&self, wait: impl Future<Output = T>) {
        self.stop.run_until_cancelled(wait).await;
    }

    /// What it holds: what was not begun, and what runs.
    pub(super) fn into_parts(self) -> (VecDeque<Held>, JoinSet<()>) {
        (self.waiting, self.running)
    }

    /// How many jobs are wanted; none after something has changed that may let a waiting one begin.
    async fn wish(&mut self) -> Option<Wish> {
        while self.running.try_join_next().is_some() {}
        let room = *self.shared.room();
        let wish = room.wish();
        if wish.jobs == 0 || !self.waiting.is_empty() {
            self.unless_stopped(self.shared.freed.notified()).await;
            return None;
        }
        if (wish.jobs as usize) < self.shared.config.concurrency / 4 {
            return self.linger().await;
        }
        Some(wish)
    }

    /// A busy worker claims for several places at once: waits for a quarter of them, but not for long.
    async fn linger(&mut self) -> Option<Wish> {
        let worth = self.shared.config.concurrency / 4;
        let enough = async {
            while (self.shared.room().wish().jobs as usize) < worth {
                self.shared.freed.notified().await;
            }
        };
        let enough = tokio::time::timeout(self.shared.config.linger, enough);
        self.unless_stopped(enough).await;
        let wish = self.shared.room().wish();
        (!self.stop.is_cancelled()).then_some(wish)
    }

    /// Claims until the wish is fulfilled or nothing is left.
    async fn look(&mut self, wish: Wish) -> Result<Found, StoreError> {
        let mut left = wish.jobs;
        for _ in 0..ROUNDS {
            let asked = self.shares.ask(left, self.shared.clock.monotonic());
            let claimed = self.claim(&asked, wish.fits).await?;
            let total = u32::try_from(claimed.len()).unwrap_or(u32::MAX);
            let queues = &self.shared.config.queues;
            let taken = claimed.iter().filter_map(|job| lanes::taken(job, queues));
            let taken: Vec<_> = taken.collect();
            let now = self.shared.clock.monotonic();
            let worth = self.shares.took(&asked, &taken, now);
            for claimed in claimed {
                self.hold(claimed, wish.fits, now);
            }
            if total >= left {
                return Ok(Found::All);
            }
            left = worth;
            if left == 0 {
                break;
            }
        }
        Ok(Found::Rest)
    }

    async fn claim(&self, asked: &Asked, starts: bool) -> Result<Vec<Claimed>, StoreError> {
        let claim = Claim {
            holder: self.holder(),
            quotas: lanes::quotas(asked, &self.shared.config.queues),
            most: asked.most,
            starts,
        };
        let began = self.shared.clock.monotonic();
        let claimed = self.shared.broker.port().claim(claim).await?;
        observe::claimed(
            self.shared.clock.monotonic().saturating_sub(began),
            &claimed,
        );
        Ok(claimed)
    }

    fn holder(&self) -> Holder {
        Holder {
            worker: self.shared.config.name.clone(),
            lease: LeaseId(self.shared.ids.next()),
            lease_for: self.shared.config.lease,
        }
    }

    /// Keeps the lease of a job from now on.
    fn hold(&mut self, claimed: Claimed, started: bool, now: Duration) {
        let beat = Beat::new(claimed.fence);
        self.shared.beats.add(Arc::clone(&beat));
        self.waiting.push_back(Held {
            claimed,
            beat,
            claimed_at: now,
            started,
        });
    }

    /// Begins what fits in, in its order: a heavy job is not passed by for ever.
    async fn begin_waiting(&mut self) {
        if self.stop.is_cancelled() {
            return;
        }
        let mut begin = Vec::new();
        while let Some(held) = self.waiting.pop_front() {
            match held.beat.asked() {
                None => {}
                Some(Asking::Lost) => {
                    self.shared.beats.remove(&held.beat.fence());
                    continue;
                }
                // It has not run, and the broker cancels by itself what it was told to.
                Some(_) => {
                    held.end(&self.shared, End::GivenBack).await;
                    continue;
                }
            }
            let Some(weight) = self.shared.handlers.weight(&held.claimed.kind) else {
                held.end(&self.shared, End::UnknownKind).await;
                continue;
            };
            if let Some(place) = Place::take(&self.shared, weight) {
                begin.push((held, place));
            } else {
                self.waiting.push_front(held);
                break;
            }
        }
        let verdicts = self.start(&begin).await;
        for ((held, place), verdict) in begin.into_iter().zip(verdicts) {
            match verdict {
                Some(Verdict::Held) => {
                    self.running
                        .spawn(held.run(Arc::clone(&self.shared), place));
                }
                Some(Verdict::Lost) => self.shared.beats.remove(&held.beat.fence()),
                None => held.end(&self.shared, End::GivenBack).await,
            }
        }
    }

    /// Tells the broker which jobs begin, as far as it does not know; none for those of which it cannot be told.
    async fn start(&self, begin: &[(Held, Place)]) -> Vec<Option<Verdict>> {
        let unknown = begin.iter().filter(|(held, _)| !held.started);
        let fences: Vec<Fence> = unknown.map(|(held, _)| held.beat.fence()).collect();
        let verdicts = if fences.is_empty() {
            Ok(Vec::new())
        } else {
            self.shared.broker.port().start(fences).await
        };
        if let Err(error) = &verdicts {
            observe::failed("start");
            tracing::warn!(%error, "jobs are given back, since their beginning cannot be stored");
        }
        let mut verdicts = verdicts.map(Vec::into_iter).ok();
        let verdict = |(held, _): &(Held, Place)| match &mut verdicts {
            _ if held.started => Some(Verdict::Held),
            Some(verdicts) => verdicts.next(),
            None => None,
        };
        begin.iter().map(verdict).collect()
    }

    /// When a suspect waits: lets all that runs end, and runs suspects with nothing beside them, one after the other. That
    /// takes no longer than the others have until it is done again, but for the last suspect.
    async fn run_suspects(&mut self) {
        let every = self.shared.config.upkeep.suspects;
        let now = self.shared.clock.monotonic();
        if now < self.suspects_at || !self.waiting.is_empty() {
            return;
        }
        self.suspects_at = now + every;
        let queues: Vec<Queue> = self.shared.config.queues.clone();
        if !self.has_suspects(&queues).await || !self.quiet_for_suspects(&queues).await {
            return;
        }
        let until = self.shared.clock.monotonic() + every;
        while !self.stop.is_cancelled()
            && self.shared.clock.monotonic() < until
            && self.run_a_suspect(&queues).await
        {}
        self.suspects_at = self.shared.clock.monotonic() + every;
    }

    /// Whether a suspect waits, as far as the broker can be asked.
    async fn has_suspects(&self, queues: &[Queue]) -> bool {
        let port = self.shared.broker.port();
        match port.has_suspects(queues.to_vec()).await {
            Ok(has_suspects) => has_suspects,
            Err(error) => {
                observe::failed("suspects");
                tracing::warn!(%error, "suspects were not looked for");
                false
            }
        }
    }

    /// Waits until nothing runs, but no longer than a suspect waits: another worker may be the first to run it, and what runs
    /// here may take hours. Answers whether it came to that.
    async fn quiet_for_suspects(&mut self, queues: &[Queue]) -> bool {
        let every = self.shared.config.upkeep.suspects;
        while tokio::time::timeout(every, self.quiet()).await.is_err() {
            if !self.has_suspects(queues).await {
                self.suspects_at = self.shared.clock.monotonic() + every;
                return false;
            }
        }
        true
    }

    /// Answers whether there was one.
    async fn run_a_suspect(&mut self, queues: &[Queue]) -> bool {
        let port = self.shared.broker.port();
        match port.claim_alone(queues.to_vec(), self.holder()).await {
            Ok(Some(claimed)) => {
                self.hold(claimed, false, self.shared.clock.monotonic());
                self.run_alone().await;
                true
            }
            Ok(None) => false,
            Err(error) => {
                observe::failed("claim_alone");
                tracing::warn!(%error, "a suspect was not claimed");
                false
            }
        }
    }

    async fn run_alone(&mut self) {
        let condemned = self.shared.config.rules.crashes_to_condemn;
        let poison = |held: &Held| held.claimed.crashes >= condemned;
        if self.waiting.front().is_some_and(poison) {
            if let Some(held) = self.waiting.pop_front() {
                held.end(&self.shared, End::Poison).await;
            }
            return;
        }
        self.begin_waiting().await;
        self.quiet().await;
    }

    /// Waits until nothing runs, and the broker knows how all that ran has ended: whose process dies before that has died of it, as
    /// far as anybody can tell.
    async fn quiet(&mut self) {
        let stop = self.stop.clone();
        let ended = async {
            while self.running.join_next().await.is_some() {}
            while !self.shared.beats.is_empty() {
                self.shared.told.notified().await;
            }
        };
        stop.run_until_cancelled(ended).await;
    }
}
