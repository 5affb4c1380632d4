//! Servers, each with leases of its own or none, and what becomes of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stanchion_kernel::Ids;
use stanchion_limiter::LimiterError;
use stanchion_limiter::port::{Backend, Leased, LeasedConfig};
use tokio_util::sync::CancellationToken;

use super::history::{Call, Event, Outcome, Part, Purpose};
use super::lender::SimLender;
use super::world::World;

#[derive(Debug)]
pub(super) struct Servers {
    pub(super) world: Arc<World>,
    up: Mutex<Vec<Option<Server>>>,
}

#[derive(Clone, Debug)]
struct Server {
    lender: Arc<SimLender>,
    /// `None` when it asks the nodes itself.
    leased: Option<Leased>,
}

impl Servers {
    pub(super) fn new(world: Arc<World>) -> Self {
        let count = world.setup.servers;
        let servers = Self {
            world,
            up: Mutex::new(vec![None; count]),
        };
        (0..count).for_each(|number| servers.start(number));
        servers
    }

    /// Starts a server that knows nothing.
    pub(super) fn start(&self, number: usize) {
        let world = &self.world;
        let clock = world.servers_clock();
        let lender = Arc::new(SimLender {
            world: Arc::clone(world),
            server: number,
            clock: clock.clone(),
            life: CancellationToken::new(),
            stopped_until: Mutex::default(),
            view: Mutex::new(world.pair().elected()),
        });
        let config = LeasedConfig {
            terms: world.setup.terms,
            keys: 100,
            shards: 1,
            renewals: *world.dice.pick(&[1, 64]),
        };
        let ids = Ids::new(clock.clone(), world.dice.fork());
        let is_leased = world.dice.permille(850);
        let leased = is_leased.then(|| {
            Leased::new(Arc::clone(&lender) as _, config, clock, ids)
                .expect("a configuration within its bounds")
        });
        self.up()[number] = Some(Server { lender, leased });
    }

    /// Ends a server with all that it was doing.
    pub(super) fn crash(&self, number: usize) {
        if let Some(server) = self.up()[number].take() {
            self.world.fault("server crashed");
            server.lender.life.cancel();
        }
    }

    /// Lets a server stand still for a while, as when it is stopped by a signal.
    pub(super) async fn pause(&self, number: usize, time: Duration) {
        let Some(server) = self.server(number) else {
            return;
        };
        self.world.fault("server paused");
        let true_time = &self.world.time;
        server.lender.stop_until(true_time.elapsed() + time);
        true_time.pass(time).await;
    }

    /// Gives back leases that end soon, or all.
    pub(super) async fn give_back(&self, number: usize, all: bool) {
        let Some(server) = self.server(number) else {
            return;
        };
        let Some(leased) = &server.leased else {
            return;
        };
        let work = async {
            server.lender.awake().await;
            if all {
                leased.give_back_all().await
            } else {
                leased.give_back_ending().await
            }
        };
        // What could not be given back is forgotten in its time.
        let _given = server.lender.life.run_until_cancelled(work).await;
    }

    /// Asks a server, and writes down what it said.
    pub(super) async fn call(&self, number: usize, purpose: Purpose, parts: Vec<Part>) -> Outcome {
        let time = &self.world.time;
        let sent = time.elapsed();
        let outcome = match self.server(number) {
            Some(server) => {
                let answer = self.serve(&server, &parts);
                let answer = server.lender.life.run_until_cancelled(answer).await;
                answer.map_or(Outcome::Failed, |answer| answer.unwrap_or(Outcome::Failed))
            }
            None => Outcome::Failed,
        };
        time.catch_up();
        self.world.recorder.record(Event::Call(Call {
            server: number,
            purpose,
            parts,
            sent,
            decided: time.elapsed(),
            outcome,
        }));
        outcome
    }

    /// Lets a server ask who the primary is.
    pub(super) fn look(&self, number: usize) {
        if let Some(server) = self.server(number) {
            server.lender.look();
        }
    }

    async fn serve(&self, server: &Server, parts: &[Part]) -> Result<Outcome, LimiterError> {
        server.lender.awake().await;
        let asks: Result<Vec<_>, _> = parts
            .iter()
            .map(|part| self.world.setup.ask(part))
            .collect();
        let asks = asks?;
        let decisions = match &server.leased {
            Some(leased) => leased.check(&asks).await?,
            None => server.lender.check(&asks).await?,
        };
        let is_admitted = decisions.iter().all(|decision| decision.allowed);
        Ok(if is_admitted {
            Outcome::Admitted
        } else {
            Outcome::Denied
        })
    }

    fn server(&self, number: usize) -> Option<Server> {
        self.up()[number].clone()
    }

    fn up(&self) -> MutexGuard<'_, Vec<Option<Server>>> {
        self.up.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
