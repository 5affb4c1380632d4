use std::time::Duration;

pub use stanchion_kernel::{Backoff, Jitter};

use crate::error::Invalid;

/// What a job may cost before it is given up. It is stored with the job: a changed policy is for jobs to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How many attempts may fail, 1 to 1000; the last failure makes the job a dead letter. A shutdown, a snooze and a
    /// lost lease are no failures.
    pub max_attempts: u16,
    /// How often its lease may be lost, 1 to 1000; once more makes it a dead letter.
    pub max_lost_leases: u16,
    /// The wall time of an attempt, 1 ms to 24 h; its lease is renewed no longer.
    pub timeout: Duration,
    /// How long it waits after a failure.
    pub backoff: Backoff,
}

const MOST: u16 = 1000;
const LONGEST_TIMEOUT: Duration = Duration::from_hours(24);
const LONGEST_WAIT: Duration = Duration::from_hours(30 * 24);

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_attempts: 10,
            max_lost_leases: 5,
            timeout: Duration::from_mins(5),
            backoff: Backoff::default(),
        }
    }
}

impl Policy {
    /// Whether everything is within its bounds.
    ///
    /// # Errors
    /// [`Invalid::Policy`] naming what is not.
    pub fn check(&self) -> Result<(), Invalid> {
        let timeout = Duration::from_millis(1)..=LONGEST_TIMEOUT;
        let bounds = [
            (
                (1..=MOST).contains(&self.max_attempts),
                "max_attempts is 1 to 1000",
            ),
            (
                (1..=MOST).contains(&self.max_lost_leases),
                "max_lost_leases is 1 to 1000",
            ),
            (timeout.contains(&self.timeout), "timeout is 1 ms to 24 h"),
            (
                self.backoff.cap <= LONGEST_WAIT,
                "the backoff's cap is 30 days at most",
            ),
            (
                self.backoff.base <= self.backoff.cap,
                "the backoff's base is its cap at most",
            ),
        ];
        match bounds.iter().find(|(is_kept, _)| !is_kept) {
            Some((_, bound)) => Err(Invalid::Policy(bound)),
            None => Ok(()),
        }
    }
}
