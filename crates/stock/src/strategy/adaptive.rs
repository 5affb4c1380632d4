use std::sync::Arc;

use super::{atomic, batched};
use crate::StockError;
use crate::adaptive::{Mode, Sample};
use crate::command::Command;
use crate::engine::Engine;
use crate::model::Outcome;
use crate::observe;
use crate::port::Seat;

/// Goes the way that the measurements of its SKU speak for.
pub(crate) async fn run(engine: &Arc<Engine>, command: Command) -> Result<Outcome, StockError> {
    let mut call = Call::begin(engine, command.first_sku());
    let (outcome, sample) = match call.mode {
        Mode::Direct => {
            let began = engine.clock.monotonic();
            let outcome = atomic::run(engine, &mut Seat::default(), command).await;
            let took = engine.clock.monotonic().saturating_sub(began);
            let conflict = call.conflict || matches!(outcome, Err(StockError::Contended { .. }));
            let sample = Sample::Direct {
                took,
                conflict,
                beside: call.beside,
            };
            (outcome, sample)
        }
        Mode::Batched => {
            let answer = batched::run(engine, command).await;
            (answer.outcome, Sample::Batched { size: answer.size })
        }
    };
    call.sample = Some(sample);
    outcome
}

/// A call that is under way. It ends also when its caller goes away.
struct Call<'a> {
    engine: &'a Engine,
    at: usize,
    sku: String,
    mode: Mode,
    conflict: bool,
    beside: u32,
    sample: Option<Sample>,
}

impl<'a> Call<'a> {
    fn begin(engine: &'a Engine, sku: &str) -> Self {
        let at = engine.lane_of(sku);
        let visit = engine.watch(at).enter(sku);
        Self {
            engine,
            at,
            sku: sku.to_owned(),
            mode: visit.mode,
            conflict: visit.conflict,
            beside: visit.beside,
            sample: None,
        }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let switches = self.engine.watch(self.at).leave(&self.sku, self.sample);
        for switch in switches {
            observe::switch(switch);
            tracing::debug!(sku = self.sku, ?switch, "another way from now on");
        }
    }
}
