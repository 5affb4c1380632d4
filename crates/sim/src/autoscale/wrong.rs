use std::time::Duration;

use stanchion_jobs::autoscale::{Rules, Sight};

/// An autoscaler that breaks a promise; to show that the judge sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It follows every need at once, up and down, and averages nothing.
    NoHysteresis,
    /// It adds what the backlog needs to the workers there are, again with every look, while the first are starting.
    AddsUp,
    /// It does not look at the backlog.
    IgnoresBacklog,
    /// It does not look at what runs.
    IgnoresWhatRuns,
    /// It never stops a worker.
    NeverStops,
}

impl Wrong {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::NoHysteresis,
        Self::AddsUp,
        Self::IgnoresBacklog,
        Self::IgnoresWhatRuns,
        Self::NeverStops,
    ];

    pub(super) fn rules(self, rules: Rules) -> Rules {
        match self {
            Self::NoHysteresis => Rules {
                smoothing: Duration::ZERO,
                calm: Duration::ZERO,
                spare: 0.0,
                ..rules
            },
            Self::NeverStops => Rules {
                calm: Duration::MAX,
                ..rules
            },
            Self::AddsUp | Self::IgnoresBacklog | Self::IgnoresWhatRuns => rules,
        }
    }

    pub(super) fn sight(self, sight: Sight) -> Sight {
        match self {
            Self::IgnoresBacklog => Sight {
                backlog: 0,
                ..sight
            },
            Self::IgnoresWhatRuns => Sight {
                in_flight: 0,
                ..sight
            },
            _ => sight,
        }
    }

    pub(super) fn wanted(self, said: u32, running: u32, backlog: u64) -> u32 {
        if self == Self::AddsUp && backlog > 50 {
            running.saturating_add(1 + running / 4)
        } else {
            said
        }
    }
}
