//! Leases: tokens that are taken out of a bucket in advance and spent with no network. Pure: `now` is an argument.
//!
//! Let P be what a bucket holds and what is unspent of the leases that are outstanding. Time adds to P at the rate and up
//! to the burst, because the bucket fills only beside what is lent; spending takes from P; a lease that is given back
//! moves within P; one that is forgotten lowers it, as its holder spends nothing of it any more. So between any two
//! moments no more is spent than the burst and what the rate gave, which is the promise of a bucket without leases.
//!
//! [`Ledger`] is the keeper's side. A holder has a [`Purse`], from which it spends, and a [`Desk`], which fills it.

mod demand;
mod desk;
mod ledger;
mod purse;

pub use demand::{Demand, LEAST_CHUNK, MAX_CHUNK, Terms};
pub use desk::{Desk, Order, Step};
pub use ledger::{Ledger, Loan};
pub use purse::{Purse, Spent, Ticket};

use std::time::Duration;

/// When a holder stops spending what it asked for at `sent_us`: the lifetime, less what its clock may be slow.
#[must_use]
pub fn holders_end(sent_us: u64, lifetime: Duration, drift: f64) -> u64 {
    let share = (1.0 - drift).clamp(0.0, 1.0);
    sent_us.saturating_add(micros(lifetime.mul_f64(share)))
}

/// When the keeper forgets what it granted at `granted_us`: the lifetime, and what its clock may be fast. Both clocks are
/// read in whole microseconds, so that one on each side is added.
#[must_use]
pub fn keepers_end(granted_us: u64, lifetime: Duration, drift: f64) -> u64 {
    let share = 1.0 + drift.clamp(0.0, 1.0);
    let lifetime_us = micros(lifetime.mul_f64(share)).saturating_add(2);
    granted_us.saturating_add(lifetime_us)
}

pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
