mod batch;
mod config;
mod courier;
mod link;
mod probe;
mod standing;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use stanchion_kernel::Clock;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::AbortHandle;

use super::{Backend, LeaseRequest, Lender, Lent, MAX_LIFETIME, MAX_SETTLED, Settled, all_differ};
use crate::{Ask, Decision, Limit, LimitName, LimiterError};
use batch::{Bucket, Call, Level, Said};
use courier::{Courier, Errand, Post};
use link::Connector;
use probe::{Probe, Seen};

pub use config::{Place, RedisConfig};
pub use standing::{Promise, Standing};

/// Buckets in a Redis server, which may be replicated and fail over.
///
/// Every decision is made by one script, on the server's clock, and many calls share a run of it. A promotion begins a new
/// epoch: its buckets are empty until the quarantine is over, so that nothing is granted twice. [`Redis::standing`] says
/// what that is worth with the settings that the server has.
#[derive(Debug)]
pub struct Redis {
    post: Arc<Post>,
    queue: mpsc::Sender<Errand>,
    seen: Seen,
    tasks: Vec<AbortHandle>,
}

impl Redis {
    /// Connects. When the server is not there yet, questions are refused until it is.
    ///
    /// # Errors
    /// [`LimiterError::Config`] when the configuration is wrong, the server refuses us, or it is too old.
    pub async fn connect(config: RedisConfig, clock: Clock) -> Result<Self, LimiterError> {
        config.check()?;
        let seen = Seen::default();
        let mut probe = Probe::new(Connector::new(&config)?, &config, seen.clone());
        match probe.look().await {
            Err(LimiterError::Unavailable(why)) => {
                tracing::warn!(why, "the buckets cannot be reached yet");
            }
            looked => looked?,
        }
        let (queue, errands) = mpsc::channel(config.queue);
        let post = Arc::new(Post {
            queue: Mutex::new(errands),
            epoch_key: format!("{}:{{0}}:epoch", config.prefix),
            config,
            clock,
        });
        let mut tasks = vec![tokio::spawn(watch(probe, post.config.probe_every)).abort_handle()];
        for _ in 0..post.config.connections {
            let courier = Courier::new(Arc::clone(&post), Connector::new(&post.config)?);
            tasks.push(tokio::spawn(courier.run()).abort_handle());
        }
        Ok(Self {
            post,
            queue,
            seen,
            tasks,
        })
    }

    /// What is promised through a failover now; `None` as long as no server was seen.
    #[must_use]
    pub fn standing(&self) -> Option<Standing> {
        self.seen.get()
    }

    fn bound(&self, limit: &Limit) -> u64 {
        let assumed = self.post.config.assumed_overlap;
        let promise = self.seen.get().map(|standing| standing.promise);
        promise.map_or(0, |promise| promise.bound(limit, assumed))
    }

    fn bucket(&self, limit: &Limit, key: &str) -> Bucket {
        let prefix = &self.post.config.prefix;
        let name: &LimitName = limit.name();
        Bucket {
            key: format!("{prefix}:{{0}}:{name}:{key}"),
            shape: limit.shape(),
        }
    }

    /// Has a call carried, and waits for what is said to it.
    async fn call(&self, call: Call) -> Result<Said, LimiterError> {
        let Post { config, clock, .. } = &*self.post;
        let until = clock.monotonic().saturating_add(config.reply_within);
        let (answer, answered) = oneshot::channel();
        let errand = Errand {
            call,
            until,
            answer,
        };
        self.queue.try_send(errand).map_err(|_| full())?;
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
        let bucket = |ask: &Ask<'_>| (self.bucket(ask.limit(), ask.key()), ask.cost());
        let said = self
            .call(Call::Check(asks.iter().map(bucket).collect()))
            .await?;
        if said.levels.len() != asks.len() {
            return Err(garbage());
        }
        let answers = asks.iter().zip(said.levels);
        let decide =
            |(ask, level): (&Ask<'_>, Level)| self.decision(ask.limit(), said.granted, level);
        Ok(answers.map(decide).collect())
    }

    async fn refund(&self, ask: Ask<'_>) -> Result<(), LimiterError> {
        let call = Call::Refund(self.bucket(ask.limit(), ask.key()), ask.cost());
        self.call(call).await.map(drop)
    }
}

#[async_trait]
impl Lender for Redis {
    async fn lend(&self, request: &LeaseRequest<'_>) -> Result<Lent, LimiterError> {
        let limit = request.limit;
        let longest = self.post.config.longest_lease.min(MAX_LIFETIME);
        if request.lifetime > longest || request.settled.len() > MAX_SETTLED {
            return Err(LimiterError::Config(
                "a lease lives no longer than `longest_lease`, which the quarantine counts on"
                    .to_owned(),
            ));
        }
        let call = Call::Lend {
            bucket: self.bucket(limit, request.key),
            id: *request.id.0.as_bytes(),
            tokens: request.tokens,
            lifetime: request.lifetime.mul_f64(1.0 + self.drift()),
            settled: request.settled.to_vec(),
        };
        let said = self.call(call).await?;
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
        let call = Call::Settle(self.bucket(limit, key), settled.to_vec());
        self.call(call).await.map(drop)
    }
}
