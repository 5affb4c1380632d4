use super::Mode;

/// The mode of a SKU or a lane, and the moving averages that change it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gauge {
    mode: Mode,
    /// Calls in this mode, as far as they matter.
    calls: u32,
    /// In direct mode the share of calls that met another or waited; in batches their size.
    average: f64,
}

/// The weight of a call in the average.
const WEIGHT: f64 = 1.0 / 16.0;
/// So many calls are heard before the direct way is left, and before the batches are.
const CALLS_DIRECT: u32 = 12;
const CALLS_BATCHED: u32 = 64;
/// The share of calls that met another, from which on the direct way is left.
const CROWDED: f64 = 0.5;
/// The size of batches below which they are left.
const LONELY: f64 = 1.5;

impl Default for Gauge {
    fn default() -> Self {
        Self {
            mode: Mode::Direct,
            calls: 0,
            average: 0.0,
        }
    }
}

impl Gauge {
    pub(super) fn mode(&self) -> Mode {
        self.mode
    }

    /// A direct call ended. Answers the mode when it has changed.
    pub(super) fn direct(&mut self, crowded: bool) -> Option<Mode> {
        if self.mode != Mode::Direct {
            return None;
        }
        self.hear(f64::from(u8::from(crowded)));
        let leaves = self.calls >= CALLS_DIRECT && self.average >= CROWDED;
        leaves.then(|| self.switch(Mode::Batched, 2.0 * LONELY))
    }

    /// A call in a batch of this size ended. Answers the mode when it has changed.
    pub(super) fn batched(&mut self, size: usize) -> Option<Mode> {
        if self.mode != Mode::Batched {
            return None;
        }
        self.hear(f64::from(u32::try_from(size).unwrap_or(u32::MAX)).min(16.0));
        let leaves = self.calls >= CALLS_BATCHED && self.average < LONELY;
        leaves.then(|| self.switch(Mode::Direct, 0.0))
    }

    fn hear(&mut self, value: f64) {
        self.calls = self.calls.saturating_add(1);
        self.average += (value - self.average) * WEIGHT;
    }

    fn switch(&mut self, to: Mode, average: f64) -> Mode {
        *self = Self {
            mode: to,
            calls: 0,
            average,
        };
        to
    }
}
