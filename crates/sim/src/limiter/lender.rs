//! How a server reaches the nodes: what the limiter's own client of Redis does, over a network of chance.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use stanchion_kernel::Clock;
use stanchion_limiter::bucket::Level;
use stanchion_limiter::port::{Backend, LeaseRequest, Lender, Lent, Settled};
use stanchion_limiter::{Ask, Decision, Limit, LimiterError};
use tokio_util::sync::CancellationToken;

use super::node::{Request, Said};
use super::setup::Setup;
use super::world::World;

/// After a failure so many in a thousand ask who the primary is.
const LOOKS_AGAIN: u64 = 700;
/// So many in a thousand do at any time.
const LOOKS: u64 = 30;

#[derive(Debug)]
pub(super) struct SimLender {
    pub(super) world: Arc<World>,
    pub(super) server: usize,
    pub(super) clock: Clock,
    /// Ends with the server.
    pub(super) life: CancellationToken,
    /// Until then the server is stopped, in true time.
    pub(super) stopped_until: Mutex<Duration>,
    /// Whom it takes for the primary.
    pub(super) view: Mutex<usize>,
}

impl SimLender {
    /// Lets the server stand still until a moment.
    pub(super) fn stop_until(&self, until: Duration) {
        let mut stopped = lock(&self.stopped_until);
        *stopped = until.max(*stopped);
    }

    /// Goes on when the server does.
    pub(super) async fn awake(&self) {
        loop {
            let now = self.world.time.elapsed();
            let wait = lock(&self.stopped_until).saturating_sub(now);
            if wait.is_zero() {
                self.world.time.catch_up();
                return;
            }
            self.world.time.pass(wait).await;
        }
    }

    /// Asks a node, while the server lives. What it was doing after that never goes on.
    async fn call(&self, request: Request) -> Result<Said, LimiterError> {
        match self.life.run_until_cancelled(self.ask(&request)).await {
            Some(said) => said,
            None => std::future::pending().await,
        }
    }

    async fn ask(&self, request: &Request) -> Result<Said, LimiterError> {
        let within = self.world.setup.reply_within;
        self.world.time.catch_up();
        if self.world.dice.permille(LOOKS) {
            self.look();
        }
        let until = self.clock.monotonic().saturating_add(within);
        let node = *lock(&self.view);
        let answered = self.world.send(self.server, node, request);
        let answered = tokio::time::timeout(within, answered).await;
        self.awake().await;
        // The timer does not see that the server stood still meanwhile.
        let is_late = self.clock.monotonic() >= until;
        let said = match answered {
            Ok(Ok(Ok(said))) if !is_late => return Ok(said),
            Ok(Ok(Err(refusal))) => format!("{refusal:?}"),
            _ => "no answer in time".to_owned(),
        };
        if self.world.dice.permille(LOOKS_AGAIN) {
            self.look();
        }
        Err(LimiterError::Unavailable(said))
    }

    /// Asks who the primary is. Whoever cannot reach it is told by those who cannot either.
    pub(super) fn look(&self) {
        let elected = self.world.pair().elected();
        if self.world.reaches(self.server, elected) {
            *lock(&self.view) = elected;
        }
    }
}

fn decision(limit: &Limit, granted: bool, level: Level) -> Decision {
    Decision {
        allowed: granted,
        burst: limit.burst(),
        remaining: level.tokens,
        retry_after: level.until_held,
        reset_after: level.until_full,
        bound: 0,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Backend for SimLender {
    async fn check(&self, asks: &[Ask<'_>]) -> Result<Vec<Decision>, LimiterError> {
        let place = |ask: &Ask<'_>| Ok((Setup::place(ask.limit(), ask.key())?, ask.cost()));
        let places: Result<Vec<_>, LimiterError> = asks.iter().map(place).collect();
        let said = self.call(Request::Check(places?)).await?;
        let answers = asks.iter().zip(said.levels);
        let decide = |(ask, level): (&Ask<'_>, Level)| decision(ask.limit(), said.granted, level);
        Ok(answers.map(decide).collect())
    }

    /// Nobody refunds here: a window that holds the refund alone may see its cost twice.
    async fn refund(&self, _ask: Ask<'_>) -> Result<(), LimiterError> {
        Err(LimiterError::Config("nothing is refunded".to_owned()))
    }
}

#[async_trait]
impl Lender for SimLender {
    async fn lend(&self, request: &LeaseRequest<'_>) -> Result<Lent, LimiterError> {
        let said = self
            .call(Request::Lend {
                of: Setup::place(request.limit, request.key)?,
                id: request.id,
                tokens: request.tokens,
                lifetime: request.lifetime,
                settled: request.settled.to_vec(),
            })
            .await?;
        let level = said.levels.first().copied();
        let level = level.ok_or_else(|| LimiterError::Unavailable("no level".to_owned()))?;
        let decision = decision(request.limit, said.granted, level);
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
        let of = Setup::place(limit, key)?;
        let settled = settled.to_vec();
        self.call(Request::Settle { of, settled }).await.map(drop)
    }
}
