//! The thread that keeps leases, and takes from others those that are over. It has a runtime and connections of its own, so
//! that no job can keep it from its work.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use stanchion_kernel::{Clock, Timestamp};
use stanchion_store::StoreError;
use tokio_util::sync::CancellationToken;

use super::WorkerConfig;
use crate::beat::Beats;
use crate::broker::Broker;
use crate::ending::Asked;
use crate::observe;
use crate::port::{Port, Pulse, RescueRules};

/// The most leases that one call renews.
const RENEWALS: usize = 1000;
/// The most jobs that one call takes from dead workers.
const RESCUES: u32 = 200;

/// The running thread. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Heart {
    stop: CancellationToken,
    thread: Option<thread::JoinHandle<()>>,
}

/// What the thread works with.
#[derive(Debug)]
struct Beating {
    broker: Broker,
    beats: Arc<Beats>,
    config: WorkerConfig,
    clock: Clock,
}

/// A moment by two clocks.
#[derive(Clone, Copy, Debug)]
struct Moment {
    /// The database's, by which leases end.
    there: Timestamp,
    /// This host's, by which they are renewed; it stands still while the host is suspended.
    here: Duration,
}

impl Moment {
    /// Whether leases went on since then, by more than the patience, while nobody could renew them: the hosts were
    /// suspended, or the database's clock was set forward.
    fn leaps(self, since: Self, patience: Duration) -> bool {
        let there = self.there.since(since.there);
        let here = self.here.saturating_sub(since.here);
        there.saturating_sub(here) > patience
    }
}

impl Heart {
    /// Starts the thread.
    pub(super) fn start(
        broker: Broker,
        beats: Arc<Beats>,
        config: WorkerConfig,
        clock: Clock,
    ) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let beating = Beating {
            broker,
            beats,
            config,
            clock,
        };
        let stopped = stop.clone();
        let beat = move || {
            runtime.block_on(stopped.run_until_cancelled(beating.beat()));
            // What still waits for an answer is left behind.
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new()
            .name("jobs-heart".to_owned())
            .spawn(beat)?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }

    /// Whether the thread has ended, which it does not by itself.
    pub(super) fn has_died(&self) -> bool {
        self.thread
            .as_ref()
            .is_none_or(thread::JoinHandle::is_finished)
    }

    /// Ends the thread, and waits for that.
    pub(super) async fn stop(mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let joined = tokio::task::spawn_blocking(move || thread.join().is_ok()).await;
            if !matches!(joined, Ok(true)) {
                tracing::error!("the thread that renews leases panicked");
            }
        }
    }
}

impl Drop for Heart {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Beating {
    async fn beat(&self) {
        let (port, was_out) = self.open().await;
        tokio::join!(self.renew(&*port), self.rescue(&*port, was_out));
    }

    /// How long a call may take: leases must be renewed again before they are over.
    fn patience(&self) -> Duration {
        self.config.renew_every()
    }

    /// The port, and whether it could not be had at once.
    async fn open(&self) -> (Arc<dyn Port>, bool) {
        let mut was_out = false;
        loop {
            match self.broker.open_beside(self.patience()).await {
                Ok(port) => return (port, was_out),
                Err(error) => {
                    tracing::warn!(%error, "leases cannot be renewed for now");
                    was_out = true;
                    tokio::time::sleep(self.patience()).await;
                }
            }
        }
    }

    async fn renew(&self, port: &dyn Port) {
        let every = self.config.renew_every();
        loop {
            let began = self.clock.monotonic();
            let heard = self.renew_all(port).await;
            let pause = if heard.is_ok() { every } else { every / 4 };
            if let Err(error) = heard {
                observe::failed("renew");
                tracing::warn!(%error, "leases were not renewed");
            }
            let took = self.clock.monotonic().saturating_sub(began);
            tokio::time::sleep(pause.saturating_sub(took)).await;
        }
    }

    async fn renew_all(&self, port: &dyn Port) -> Result<(), StoreError> {
        let mut beats = self.beats.heartbeats(self.clock.monotonic());
        while !beats.is_empty() {
            let rest = beats.split_off(beats.len().min(RENEWALS));
            match port.renew(beats.clone(), self.config.lease).await {
                Ok(pulses) => {
                    let fences = beats.iter().map(|beat| beat.fence);
                    fences
                        .zip(pulses)
                        .for_each(|(fence, pulse)| self.heard(&fence, pulse));
                }
                Err(error) => {
                    beats.extend(rest);
                    self.beats.unheard(beats);
                    return Err(error);
                }
            }
            beats = rest;
        }
        Ok(())
    }

    fn heard(&self, fence: &crate::model::Fence, pulse: Pulse) {
        let Some(beat) = self.beats.get(fence) else {
            return;
        };
        match pulse {
            Pulse::Held => {}
            Pulse::CancelRequested => beat.end(Asked::Cancelled),
            Pulse::Lost => beat.end(Asked::Lost),
        }
    }

    async fn rescue(&self, port: &dyn Port, was_out: bool) {
        let mut outages = 0;
        let mut is_out = was_out;
        let mut seen = None;
        loop {
            let done = self.look(port, &mut seen, outages, &mut is_out).await;
            match done {
                Ok(jobs) if jobs >= u64::from(RESCUES) => continue,
                Ok(_) if is_out => is_out = false,
                Ok(_) => outages = 0,
                Err(error) => {
                    observe::failed("rescue");
                    tracing::warn!(%error, "leases that are over were not looked for");
                    // What is no outage would come again and again, and leases be prolonged that nobody keeps.
                    let was_out = std::mem::replace(&mut is_out, error.passes());
                    outages += u32::from(is_out && !was_out);
                }
            }
            tokio::time::sleep(self.config.scan).await;
        }
    }

    /// Prolongs leases when there was an outage, which may be found now, and otherwise takes jobs from who has lost them; answers
    /// how many.
    async fn look(
        &self,
        port: &dyn Port,
        seen: &mut Option<Moment>,
        outages: u32,
        is_out: &mut bool,
    ) -> Result<u64, StoreError> {
        // The clock here is read first: a database that takes long to answer stands still for others, too.
        let here = self.clock.monotonic();
        let now = Moment {
            there: port.now().await?,
            here,
        };
        let last = seen.replace(now);
        if last.is_some_and(|last| now.leaps(last, self.patience())) {
            tracing::warn!("leases went on while nobody could renew them");
            *is_out = true;
        }
        if *is_out {
            self.prolong(port).await
        } else {
            self.rescue_some(port, outages).await
        }
    }

    /// Takes jobs from who has lost them; answers how many. A database that is slow and not out, again and again, has to be
    /// believed in the end.
    async fn rescue_some(&self, port: &dyn Port, outages: u32) -> Result<u64, StoreError> {
        let patience = self.patience();
        let rules = RescueRules {
            patience: patience.saturating_mul(2_u32.saturating_pow(outages)),
            ..self.config.rules
        };
        let rescued = port.rescue(rules, RESCUES).await?;
        observe::rescued(&rescued);
        Ok(u64::try_from(rescued.len()).unwrap_or(u64::MAX))
    }

    /// After an outage, in which nobody could renew a lease: gives those that are over the time until they are renewed. Who died
    /// is found a little later.
    async fn prolong(&self, port: &dyn Port) -> Result<u64, StoreError> {
        let prolonged = port.prolong(2 * self.patience(), RESCUES).await?;
        if prolonged > 0 {
            tracing::info!(prolonged, "leases that ended in an outage are prolonged");
        }
        Ok(prolonged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(there_ms: i64, here_ms: u64) -> Moment {
        Moment {
            there: Timestamp::from_micros(there_ms * 1000),
            here: Duration::from_millis(here_ms),
        }
    }

    #[test]
    fn leases_that_went_on_by_more_than_the_patience_while_nobody_could_renew_them_are_noticed() {
        let patience = Duration::from_secs(2);
        let leaps = |there_ms: i64, here_ms: u64| {
            let last = moment(50_000, 1000);
            moment(50_000 + there_ms, 1000 + here_ms).leaps(last, patience)
        };
        // Both clocks go on alike, also for long.
        assert!(!leaps(2000, 2000));
        assert!(!leaps(60_000, 60_000));
        // A slow answer is within the patience.
        assert!(!leaps(4000, 2000));
        // The host was suspended, or the database's clock was set forward.
        assert!(leaps(4001, 2000));
        assert!(leaps(3_600_000, 100));
        // It was set back, which ends no lease.
        assert!(!leaps(-3_600_000, 2000));
    }
}
