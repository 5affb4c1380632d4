//! Reads by id that arrive together are one query: what comes while others are under way, or in the same turn of the
//! scheduler, goes with the next. Nobody waits for a timer, and nobody is answered with what was read before it asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::histogram;
use stanchion_kernel::Uuid;
use tokio::sync::oneshot;

use crate::CatalogError;
use crate::model::Product;
use crate::port::Port;

/// The most ids of one query.
const MOST: usize = 100;

/// A place where reads by id meet.
#[derive(Debug)]
pub(crate) struct Gather {
    port: Arc<dyn Port>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    waiting: Vec<Waiter>,
}

#[derive(Debug)]
struct Waiter {
    id: Uuid,
    answer: oneshot::Sender<Turn>,
}

/// What a waiter hears.
#[derive(Debug)]
enum Turn {
    /// Somebody asked for it as well.
    Answer(Option<Box<Product>>),
    /// It is this one's turn to ask, for all who wait.
    Lead(Slot),
}

/// The right to run a query. It is handed on when the query is answered, or given up, also by a caller who goes away.
#[derive(Debug)]
struct Slot {
    gather: Arc<Gather>,
    held: bool,
}

impl Gather {
    pub(crate) fn new(port: Arc<dyn Port>) -> Arc<Self> {
        Arc::new(Self {
            port,
            state: Mutex::default(),
        })
    }

    /// The product, if it is there and not deleted.
    pub(crate) async fn product(
        self: &Arc<Self>,
        id: Uuid,
    ) -> Result<Option<Product>, CatalogError> {
        let slot = match self.enter(id) {
            Ok(slot) => {
                // Whoever can run now joins first.
                tokio::task::yield_now().await;
                slot
            }
            Err(turn) => match turn.await {
                Ok(Turn::Answer(found)) => return Ok(found.map(|product| *product)),
                Ok(Turn::Lead(slot)) => slot,
                // The query failed, or its caller went away: what is wrong shows when it is asked for alone.
                Err(_) => return self.port.product(id).await,
            },
        };
        self.lead(id, slot).await
    }

    /// A slot, or a place among those who wait for one.
    fn enter(self: &Arc<Self>, id: Uuid) -> Result<Slot, oneshot::Receiver<Turn>> {
        let mut state = self.state();
        if state.running < self.port.parallel_lookups() {
            state.running += 1;
            return Ok(Slot {
                gather: Arc::clone(self),
                held: true,
            });
        }
        let (answer, turn) = oneshot::channel();
        state.waiting.push(Waiter { id, answer });
        Err(turn)
    }

    async fn lead(&self, id: Uuid, slot: Slot) -> Result<Option<Product>, CatalogError> {
        let others = self.take_waiting();
        histogram!("stanchion_catalog_gathered_ids").record(f64::from(
            u32::try_from(others.len() + 1).unwrap_or(u32::MAX),
        ));
        if others.is_empty() {
            return self.port.product(id).await;
        }
        let mut ids: Vec<Uuid> = others.iter().map(|waiter| waiter.id).collect();
        ids.push(id);
        ids.sort_unstable();
        ids.dedup();
        let found = self.port.products(&ids).await?;
        drop(slot);
        let mut found = Found::new(found, others.iter().map(|waiter| waiter.id).chain([id]));
        for waiter in others {
            // Who went away needs no answer.
            let _ = waiter
                .answer
                .send(Turn::Answer(found.give(waiter.id).map(Box::new)));
        }
        Ok(found.give(id))
    }

    fn take_waiting(&self) -> Vec<Waiter> {
        let mut state = self.state();
        let most = state.waiting.len().min(MOST - 1);
        state.waiting.drain(..most).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if !self.held {
            return;
        }
        let mut state = self.gather.state();
        while !state.waiting.is_empty() {
            let next = state.waiting.remove(0);
            let slot = Self {
                gather: Arc::clone(&self.gather),
                held: true,
            };
            match next.answer.send(Turn::Lead(slot)) {
                Ok(()) => return,
                // It went away; its slot must not hand itself on while the state is locked.
                Err(Turn::Lead(mut unused)) => unused.held = false,
                Err(Turn::Answer(_)) => {}
            }
        }
        state.running -= 1;
    }
}

/// What a query found, with how many ask for each: the last one gets the product itself, and no copy.
struct Found(HashMap<Uuid, (usize, Option<Product>)>);

impl Found {
    fn new(products: Vec<Product>, asked: impl Iterator<Item = Uuid>) -> Self {
        let mut found: HashMap<Uuid, (usize, Option<Product>)> = products
            .into_iter()
            .map(|product| (product.id, (0, Some(product))))
            .collect();
        for id in asked {
            found.entry(id).or_default().0 += 1;
        }
        Self(found)
    }

    fn give(&mut self, id: Uuid) -> Option<Product> {
        let (left, product) = self.0.get_mut(&id)?;
        *left = left.saturating_sub(1);
        if *left == 0 {
            product.take()
        } else {
            product.clone()
        }
    }
}
