use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrics::gauge;
use metrics_process::Collector;
use stanchion_kernel::Clock;
use tokio::runtime::Handle;

/// Metrics of the process and of the async runtime, sampled when they are asked for.
pub(crate) struct RuntimeMetrics {
    clock: Clock,
    process: Collector,
    last: Mutex<Sample>,
}

#[derive(Clone, Copy, Default)]
struct Sample {
    at: Duration,
    busy: Duration,
}

impl RuntimeMetrics {
    pub(crate) fn new(clock: Clock) -> Self {
        let process = Collector::default();
        process.describe();
        Self {
            clock,
            process,
            last: Mutex::default(),
        }
    }

    /// Writes the current values to the recorder; needs to run on the runtime that it measures.
    #[expect(clippy::cast_precision_loss, reason = "gauges are floating-point")]
    pub(crate) fn sample(&self) {
        self.process.collect();
        let runtime = Handle::current().metrics();
        let workers = runtime.num_workers();
        gauge!("stanchion_runtime_workers").set(workers as f64);
        gauge!("stanchion_runtime_tasks").set(runtime.num_alive_tasks() as f64);
        gauge!("stanchion_runtime_queue_depth").set(runtime.global_queue_depth() as f64);
        let busy = (0..workers)
            .map(|worker| runtime.worker_total_busy_duration(worker))
            .sum();
        gauge!("stanchion_runtime_worker_busy_ratio").set(self.busy_ratio(busy, workers));
    }

    /// The share of the workers' time since the last sample in which they were busy, 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "there are few workers")]
    fn busy_ratio(&self, busy: Duration, workers: usize) -> f64 {
        let now = Sample {
            at: self.clock.monotonic(),
            busy,
        };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.at.saturating_sub(last.at).as_secs_f64() * workers as f64;
        let worked = now.busy.saturating_sub(last.busy).as_secs_f64();
        *last = now;
        if passed > 0.0 {
            (worked / passed).clamp(0.0, 1.0)
        } else {
            0.0
        }
    }
}
