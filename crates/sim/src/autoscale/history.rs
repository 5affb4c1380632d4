use std::time::Duration;

use crate::recorder::digest;

/// What was so at a moment, once a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// When.
    pub at: Duration,
    /// How many workers there should be, as the autoscaler says.
    pub wanted: u32,
    /// How many jobs wait and could run.
    pub backlog: u64,
    /// How many workers what comes in needs, by the true rate and service time; not rounded.
    pub steady: f64,
    /// How many the backlog needs besides to be worked off within the time to drain.
    pub extra: f64,
    /// How many what runs has use for; not rounded.
    pub busy: f64,
    /// How many were told to stop in the middle of a job since the moment before.
    pub interrupted: u64,
}

/// A simulation that is over.
#[derive(Clone, Debug)]
pub struct History {
    /// Its seed.
    pub seed: u64,
    /// Its moments.
    pub moments: Vec<Moment>,
    /// How many jobs a worker runs at once.
    pub slots: u32,
    /// Within what time a backlog is to be worked off.
    pub drain: Duration,
}

impl History {
    /// A number that is another one as soon as anything is different.
    #[must_use]
    pub fn digest(&self) -> u64 {
        digest(&self.moments)
    }
}
