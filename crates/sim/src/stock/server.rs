//! Servers, each with a ledger of its own over the same database, and how clients reach them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use stanchion_kernel::Ids;
use stanchion_stock::{Adjust, Reserve, SetLowStock, Stock, StockConfig, StockError, Strategy};
use tokio_util::sync::CancellationToken;

use crate::dice::Dice;
use crate::stock::database::Database;
use crate::stock::history::{Ask, Event, Heard, Wish};
use crate::stock::port::SimPort;
use crate::stock::weather::Weather;

/// By how many microseconds the clock of a server may be ahead or behind.
const WRONGNESS_US: u32 = 60_000_000;

#[derive(Debug)]
pub(crate) struct Servers {
    pub(crate) database: Arc<Database>,
    pub(crate) weather: Arc<Weather>,
    config: StockConfig,
    calls: AtomicUsize,
    up: Mutex<Vec<Option<Server>>>,
}

#[derive(Clone, Debug)]
struct Server {
    stock: Stock,
    life: CancellationToken,
}

impl Servers {
    pub(crate) fn new(
        database: Arc<Database>,
        weather: Arc<Weather>,
        config: StockConfig,
        count: usize,
    ) -> Self {
        let servers = Self {
            database,
            weather,
            config,
            calls: AtomicUsize::new(0),
            up: Mutex::new((0..count).map(|_| None).collect()),
        };
        (0..count).for_each(|number| servers.start(number));
        servers
    }

    pub(crate) fn count(&self) -> usize {
        self.up().len()
    }

    pub(crate) fn dice(&self) -> &Dice {
        &self.database.dice
    }

    /// Starts a server that knows nothing.
    pub(crate) fn start(&self, number: usize) {
        let wrongness = self.dice().between(0, 2 * u64::from(WRONGNESS_US));
        let ahead_us = i64::try_from(wrongness).unwrap_or_default() - i64::from(WRONGNESS_US);
        let clock = self.database.time.clock(ahead_us);
        let life = CancellationToken::new();
        let port = SimPort {
            database: Arc::clone(&self.database),
            weather: Arc::clone(&self.weather),
            server: number,
            clock: clock.clone(),
            life: life.clone(),
            undecided: Mutex::default(),
        };
        let ids = Ids::new(clock.clone(), self.dice().fork());
        let (entropy, config) = (self.dice().fork(), self.config.clone());
        let stock = Stock::over(Arc::new(port), ids, clock, entropy, config);
        self.up()[number] = Some(Server { stock, life });
    }

    /// Ends a server with all that it was doing.
    pub(crate) fn crash(&self, number: usize) {
        if let Some(server) = self.up()[number].take() {
            let crashed = Event::Crashed { server: number };
            self.database.recorder.record(crashed);
            server.life.cancel();
        }
    }

    /// Sends a request to a server and waits for what is heard of it.
    pub(crate) async fn call(
        &self,
        number: usize,
        ask: &Ask,
        strategy: Strategy,
        patience: Duration,
    ) -> Heard {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        self.database.recorder.record(Event::Asked {
            call,
            server: number,
            strategy,
            ask: ask.clone(),
        });
        let server = self.up()[number].clone();
        let heard = match server {
            Some(server) => served(&server, ask, strategy, patience).await,
            None => Heard::Nothing,
        };
        let loses = self.weather.strikes(self.dice(), self.weather.client_loses);
        let heard = if loses { Heard::Nothing } else { heard };
        self.database.time.catch_up();
        let event = Event::Heard {
            call,
            heard: heard.clone(),
        };
        self.database.recorder.record(event);
        heard
    }

    /// Lets a server end what is over.
    pub(crate) async fn sweep(&self, number: usize, limit: u32) -> Result<usize, StockError> {
        let server = self.up()[number].clone();
        let Some(server) = server else {
            return Ok(0);
        };
        let work = async {
            let swept = server.stock.expire_due(limit).await?;
            server.stock.prune_requests().await?;
            Ok(swept)
        };
        let swept = server.life.run_until_cancelled(work).await;
        self.database.time.catch_up();
        swept.unwrap_or(Ok(0))
    }

    fn up(&self) -> MutexGuard<'_, Vec<Option<Server>>> {
        self.up.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The handler of a request is a task that ends when its caller goes away.
async fn served(server: &Server, ask: &Ask, strategy: Strategy, patience: Duration) -> Heard {
    let (stock, ask) = (server.stock.clone(), ask.clone());
    let mut handler = tokio::spawn(async move { serve(&stock, ask, strategy).await });
    let answer = server.life.run_until_cancelled(&mut handler);
    match tokio::time::timeout(patience, answer).await {
        Ok(Some(Ok(heard))) => heard,
        Ok(Some(Err(failed))) if failed.is_panic() => {
            std::panic::resume_unwind(failed.into_panic())
        }
        _ => {
            handler.abort();
            Heard::Nothing
        }
    }
}

async fn serve(stock: &Stock, ask: Ask, strategy: Strategy) -> Heard {
    let Ask {
        operation,
        wish,
        key,
    } = ask;
    let strategy = Some(strategy);
    let reservation = match wish {
        Wish::Reserve { lines, ttl_us } => {
            let ttl = Some(Duration::from_micros(ttl_us));
            stock.reserve(Reserve { lines, ttl, key }, strategy).await
        }
        Wish::Commit { id, lines } => stock.commit(id, lines, key, strategy).await,
        Wish::Release { id } => stock.release(id, key, strategy).await,
        Wish::Adjust {
            sku,
            delta,
            if_version,
        } => {
            let adjust = Adjust {
                sku,
                delta,
                reason: Some(operation.to_string()),
                if_version,
                key,
            };
            return heard(stock.adjust(adjust, strategy).await.map(Heard::Row));
        }
        Wish::SetLowStock { sku, threshold } => {
            let set = SetLowStock {
                sku,
                threshold,
                key,
            };
            return heard(stock.set_low_stock(set, strategy).await.map(Heard::Row));
        }
    };
    heard(reservation.map(Heard::Reservation))
}

fn heard(answer: Result<Heard, StockError>) -> Heard {
    answer.unwrap_or_else(Heard::Error)
}
