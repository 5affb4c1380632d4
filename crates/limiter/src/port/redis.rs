mod batch;
mod config;
mod courier;
mod line;
mod link;
mod probe;
mod standing;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use stanchion_kernel::{Clock, Entropy};
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::AbortHandle;

use super::{Backend, LeaseRequest, Lender, Lent, MAX_LIFETIME, MAX_SETTLED, Settled, all_differ};
use crate::{Ask, Decision, Limit, LimiterError};
use batch::{Bucket, Call, Level, Said, What};
use courier::{Courier, Errand, Post};
use line::Line;
use probe::{Probe, Seen};

pub use config::{Place, RedisConfig};
pub use standing::{Promise, Standing};

/// Buckets in a Redis server, which may be replicated and fail over, or in a cluster.
///
/// Every decision is made by one script, on the server's clock, and many calls share a run of it. A promotion begins a new
/// epoch: its buckets are empty until the quarantine is over, so that nothing is granted twice. [`Redis::standing`] says
/// what that is worth with the settings that the server has.
#[derive(Debug)]
pub struct Redis {
    config: RedisConfig,
    clock: Clock,
    /// One for each place, so that none waits for another one's server.
    queues: Vec<mpsc::Sender<Errand>>,
    seen: Seen,
    tasks: Vec<AbortHandle>,
    turn: AtomicU16,
    /// The part of a bucket from which this server borrows: a lease goes back to where it came from.
    lending_part: u16,
}

impl Redis {
    /// Connects. When the server is not there yet, questions are refused until it is.
    ///
    /// # Errors
    /// [`LimiterError::Config`] when the configuration is wrong, the server refuses us, or it is too old.
    pub async fn connect(
        config: RedisConfig,
        clock: Clock,
        entropy: &Entropy,
    ) -> Result<Self, LimiterError> {
        config.check()?;
        let seen = Seen::default();
        let mut probe = Probe::new(Line::new(&config, &clock)?, &config, seen.clone());
        match probe.look().await {
            Err(LimiterError::Unavailable(why)) => {
                tracing::warn!(why, "the buckets cannot be reached yet");
            }
            looked => looked?,
        }
        let lending_part = u16::from_le_bytes(entropy.bytes());
        let mut tasks = vec![tokio::spawn(watch(probe, config.probe_every)).abort_handle()];
        let places = config.places();
        let room = config.queue.div_ceil(usize::from(places));
        // A cluster's client has one connection to each node, whoever asks.
        let lines = if places > 1 { 1 } else { config.connections };
        let line = Line::new(&config, &clock)?;
        let mut queues = Vec::with_capacity(usize::from(places));
        for place in 0..places {
            let (queue, errands) = mpsc::channel(room);
            let post = Arc::new(Post {
                queue: Mutex::new(errands),
                epoch_key: config.epoch_key(place),
                config: config.clone(),
                clock: clock.clone(),
            });
            for _ in 0..lines {
                let courier = Courier::new(Arc::clone(&post), line.another(&config, &clock)?);
                tasks.push(tokio::spawn(courier.run()).abort_handle());
            }
            queues.push(queue);
        }
        Ok(Self {
            config,
            clock,
            queues,
            seen,
            tasks,
            turn: AtomicU16::new(lending_part),
            lending_part,
        })
    }

    /// What is promised through a failover now; `None` as long as no server was seen.
    #[must_use]
    pub fn standing(&self) -> Option<Standing> {
        self.seen.get()
    }

    fn bound(&self, limit: &Limit) -> u64 {
        let assumed = self.config.assumed_overlap;
        let promise = self.seen.promise();
        // Of a server that does not tell its settings, nothing is known.
        let promise = promise.unwrap_or(Promise::Twice { overlap: None });
        promise.bound(limit, assumed)
    }

    /// Where a bucket is, and which it is. Keys that are the same in several limits are in one place, so that a question
    /// to all of them is decided at once.
    fn bucket(&self, limit: &Limit, key: &str, part: u16) -> (u16, Bucket) {
        let config = &self.config;
        let places = config.places();
        let name = limit.name();
        let parts = if places > 1 { limit.parts() } else { 1 };
        let prefix = &config.prefix;
        let divided = (parts > 1).then(|| limit.part(part % parts)).flatten();
        match divided {
            Some(divided) => {
                let part = part % parts;
                let place = place_of(key, part, places);
                let key = format!("{prefix}:{{{place}}}:{name}/{part}:{key}");
                let shape = divided.shape();
                (place, Bucket { key, shape })
            }
            None => {
                let place = place_of(key, 0, places);
                let key = format!("{prefix}:{{{place}}}:{name}:{key}");
                let shape = limit.shape();
                (place, Bucket { key, shape })
            }
        }
    }

    /// Takes turns between the parts of a bucket.
    fn next_part(&self) -> u16 {
        self.turn.fetch_add(1, Ordering::Relaxed)
    }

    /// Asks about buckets of one place: all or nothing.
    async fn check_in(
        &self,
        place: u16,
        asks: &[(&Ask<'_>, Bucket)],
    ) -> Result<Vec<Decision>, LimiterError> {
        let costs = asks
            .iter()
            .map(|(ask, bucket)| (bucket.clone(), ask.cost()));
        let what = What::Check(costs.collect());
        let said = self.call(Call { place, what }).await?;
        if said.levels.len() != asks.len() {
            return Err(garbage());
        }
        let answers = asks.iter().zip(said.levels);
        let decide = |((ask, _), level): (&(&Ask<'_>, Bucket), Level)| {
            self.decision(ask.limit(), said.granted, level)
        };
        Ok(answers.map(decide).collect())
    }

    /// Asks one place after the other. What was taken before a refusal goes back; if it cannot, it is spent.
    async fn check_in_turn(
        &self,
        asks: &[Ask<'_>],
        places: &BTreeMap<u16, Vec<(usize, Bucket)>>,
    ) -> Result<Vec<Decision>, LimiterError> {
        let mut decisions: Vec<Option<Decision>> = vec![None; asks.len()];
        let mut taken: Vec<(u16, usize, &Bucket)> = Vec::new();
        let mut refusal = None;
        for (place, buckets) in places {
            let here: Vec<_> = buckets
                .iter()
                .map(|(n, bucket)| (&asks[*n], bucket.clone()))
                .collect();
            let answer = self.check_in(*place, &here).await;
            let allowed = answer
                .as_ref()
                .is_ok_and(|said| said.iter().all(|one| one.allowed));
            if allowed {
                taken.extend(buckets.iter().map(|(n, bucket)| (*place, *n, bucket)));
            }
            match answer {
                Ok(said) => {
                    for ((n, _), decision) in buckets.iter().zip(said) {
                        decisions[*n] = Some(decision);
                    }
                }
                Err(error) => refusal = Some(error),
            }
            if !allowed {
                self.put_back(asks, &taken, &mut decisions).await;
                break;
            }
        }
        if let Some(error) = refusal {
            return Err(error);
        }
        // A place that was not asked any more says nothing: its limits did not refuse.
        let asked = asks.iter().zip(decisions);
        Ok(asked
            .map(|(ask, decision)| decision.unwrap_or_else(|| self.unasked(ask)))
            .collect())
    }

    async fn put_back(
        &self,
        asks: &[Ask<'_>],
        taken: &[(u16, usize, &Bucket)],
        decisions: &mut [Option<Decision>],
    ) {
        for (place, n, bucket) in taken {
            let cost = asks[*n].cost();
            let what = What::Refund((*bucket).clone(), cost);
            let returned = self
                .call(Call {
                    place: *place,
                    what,
                })
                .await;
            if let Some(decision) = &mut decisions[*n] {
                decision.allowed = false;
                if returned.is_ok() {
                    decision.remaining += cost;
                }
            }
        }
    }

    fn unasked(&self, ask: &Ask<'_>) -> Decision {
        let limit = ask.limit();
        let unknown = Level {
            tokens: 0,
            until_held: Duration::ZERO,
            until_full: Duration::ZERO,
        };
        self.decision(limit, false, unknown)
    }

    /// Has a call carried, and waits for what is said to it.
    async fn call(&self, call: Call) -> Result<Said, LimiterError> {
        let (config, clock) = (&self.config, &self.clock);
        let until = clock.monotonic().saturating_add(config.reply_within);
        let (answer, answered) = oneshot::channel();
        let queue = self.queues.get(usize::from(call.place)).ok_or_else(full)?;
        let errand = Errand {
            call,
            until,
            answer,
        };
        queue.try_send(errand).map_err(|_| full())?;
        let said = tokio::time::timeout(config.reply_within, answered).await;
        // The timer does not see that the process was stopped meanwhile, and the quarantine counts on it.
        if clock.monotonic() >= until {
            return Err(late());
        }
        said.map_err(|_| late())?.map_err(|_| late())?
    }

    fn decision(&self, limit: &Limit, granted: bool, level: Level) -> Decision {
        Decision {
            allowed: granted,
            burst: limit.burst(),
            remaining: level.tokens,
            retry_after: level.until_held,
            reset_after: level.until_full,
            bound: self.bound(limit),
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// The hash tag of a key and a part; FNV-1a, since all servers must agree on it.
fn place_of(key: &str, part: u16, places: u16) -> u16 {
    let bytes = key.bytes().chain(part.to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    u16::try_from(hash % u64::from(places.max(1))).unwrap_or_default()
}

async fn watch(mut probe: Probe, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        if let Err(error) = probe.look().await {
            tracing::debug!(%error, "the server of the limits did not tell its settings");
        }
    }
}

fn full() -> LimiterError {
    LimiterError::Unavailable("too many questions wait".to_owned())
}

fn late() -> LimiterError {
    LimiterError::Unavailable("no answer in time".to_owned())
}

fn garbage() -> LimiterError {
    LimiterError::Unavailable("Redis answered something else".to_owned())
}

#[async_trait]
impl Backend for Redis {
    async fn check(&self, asks: &[Ask<'_>]) -> Result<Vec<Decision>, LimiterError> {
        all_differ(asks)?;
        let part = self.next_part();
        let mut places: BTreeMap<u16, Vec<(usize, Bucket)>> = BTreeMap::new();
        for (n, ask) in asks.iter().enumerate() {
            let (place, bucket) = self.bucket(ask.limit(), ask.key(), part);
            if ask.cost() > bucket.shape.burst() {
                let (cost, burst) = (ask.cost(), bucket.shape.burst());
                return Err(LimiterError::Cost { cost, burst });
            }
            places.entry(place).or_default().push((n, bucket));
        }
        let mut all = places.iter();
        match (all.next(), all.next()) {
            (None, _) => Ok(Vec::new()),
            (Some((place, buckets)), None) => {
                let here = asks
                    .iter()
                    .zip(buckets.iter().map(|(_, bucket)| bucket.clone()));
                self.check_in(*place, &here.collect::<Vec<_>>()).await
            }
            _ => self.check_in_turn(asks, &places).await,
        }
    }

    async fn refund(&self, ask: Ask<'_>) -> Result<(), LimiterError> {
        let (place, bucket) = self.bucket(ask.limit(), ask.key(), self.next_part());
        let what = What::Refund(bucket, ask.cost());
        self.call(Call { place, what }).await.map(drop)
    }
}

#[async_trait]
impl Lender for Redis {
    async fn lend(&self, request: &LeaseRequest<'_>) -> Result<Lent, LimiterError> {
        let limit = request.limit;
        let longest = self.config.longest_lease.min(MAX_LIFETIME);
        request.ask()?;
        if request.lifetime > longest {
            return Err(LimiterError::Config(
                "a lease lives no longer than `longest_lease`, which the quarantine counts on"
                    .to_owned(),
            ));
        }
        let (place, bucket) = self.bucket(limit, request.key, self.lending_part);
        if request.tokens > bucket.shape.burst() {
            let (cost, burst) = (request.tokens, bucket.shape.burst());
            return Err(LimiterError::Cost { cost, burst });
        }
        let what = What::Lend {
            bucket,
            id: *request.id.0.as_bytes(),
            tokens: request.tokens,
            // Both clocks are read in whole microseconds.
            lifetime: request.lifetime.mul_f64(1.0 + self.drift()) + Duration::from_micros(2),
            settled: request.settled.to_vec(),
        };
        let said = self.call(Call { place, what }).await?;
        let [level] = said.levels[..] else {
            return Err(garbage());
        };
        let decision = self.decision(limit, said.granted, level);
        Ok(if said.granted {
            let epoch = said.epoch;
            Lent::Granted { epoch, decision }
        } else {
            Lent::Refused { decision }
        })
    }

    async fn settle(
        &self,
        limit: &Limit,
        key: &str,
        settled: &[Settled],
    ) -> Result<(), LimiterError> {
        if settled.len() > MAX_SETTLED {
            return Err(LimiterError::Lease);
        }
        let (place, bucket) = self.bucket(limit, key, self.lending_part);
        let what = What::Settle(bucket, settled.to_vec());
        self.call(Call { place, what }).await.map(drop)
    }
}
