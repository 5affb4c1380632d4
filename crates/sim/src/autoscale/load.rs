use std::time::Duration;

use crate::dice::Dice;

/// How the work comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// Several times as much from one moment on, and as little as before from another.
    Step,
    /// More and more, and then less and less.
    Ramp,
    /// Many jobs at one moment, over a steady rest.
    Burst,
    /// Steady, and half of the workers die at one moment with what they are doing.
    Crash,
    /// Jobs at one moment that take minutes each, one to a worker, and nothing else.
    Long,
}

impl Load {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Step, Self::Ramp, Self::Burst, Self::Crash, Self::Long];
}

/// From when until when the load is another one.
pub(super) const CHANGES: [Duration; 2] = [Duration::from_mins(3), Duration::from_mins(10)];
/// When a simulation ends.
pub(super) const END: Duration = Duration::from_mins(17);
/// How long a ramp rises, and falls.
const RAMP: Duration = Duration::from_mins(4);

/// A load with its numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrivals {
    load: Load,
    low_per_s: f64,
    high_per_s: f64,
    burst: u64,
}

impl Arrivals {
    pub(super) fn new(load: Load, dice: &Dice) -> Self {
        let low_per_s = dice.between(10, 100) as f64 / 10.0;
        let times = dice.between(20, 60) as f64 / 10.0;
        let (low_per_s, burst) = match load {
            Load::Long => (0.0, dice.between(60, 90)),
            _ => (low_per_s, dice.between(600, 3000)),
        };
        Self {
            load,
            low_per_s,
            high_per_s: low_per_s * times,
            burst,
        }
    }

    /// How many jobs come in a second, on the average.
    pub(super) fn per_s(&self, now: Duration) -> f64 {
        let [from, until] = CHANGES;
        let high = match self.load {
            Load::Burst | Load::Long => 0.0,
            Load::Crash => 1.0,
            Load::Step => f64::from(u8::from((from..until).contains(&now))),
            Load::Ramp => {
                let up = now.saturating_sub(from).as_secs_f64() / RAMP.as_secs_f64();
                let down = now.saturating_sub(until).as_secs_f64() / RAMP.as_secs_f64();
                up.min(1.0) - down.min(1.0)
            }
        };
        self.low_per_s + (self.high_per_s - self.low_per_s) * high
    }

    /// How many come at once in the tick that begins now, besides.
    pub(super) fn at_once(&self, now: Duration) -> u64 {
        let is_burst = matches!(self.load, Load::Burst | Load::Long) && now == CHANGES[0];
        if is_burst { self.burst } else { 0 }
    }

    /// Whether half of the workers die in the tick that begins now.
    pub(super) fn kills_half(&self, now: Duration) -> bool {
        self.load == Load::Crash && now == CHANGES[0]
    }
}
