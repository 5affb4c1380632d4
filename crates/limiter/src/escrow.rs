//! A bucket in escrow: the right to spend is divided between the nodes of a fixed roster. Pure: `now` is an argument.
//!
//! Every node has a share: a cap and a rate, which sum to the limit's burst and rate. It spends from what its share
//! holds, and hands tokens over to one that is short. Between any two moments no more is admitted than the burst and
//! what the rate gave, whatever the network does:
//!
//! * A transfer of x lowers the sender's level **and its cap** by x. So the caps of all nodes, and what is on its way,
//!   sum to the burst B at all times, and as no level is above its cap, all levels and what is on its way to at most B.
//! * That sum grows by nothing but the fill, which is at most r·t in the time t, and what is admitted leaves it. So
//!   admitted(t0, t1) ≤ sum(t0) + r·(t1 − t0) − sum(t1) ≤ B + r·(t1 − t0).
//! * The receiver's cap is raised by x when it accepts, and lowered again when it releases, which it does as soon as the
//!   call is decided that asked for the tokens. What does not fit under its cap then goes back. Only after that it tells
//!   the sender, which raises its cap again.
//! * What is lost on the way is spent. The sender raises its cap by itself when the transfer's lifetime has passed since
//!   it sent, lengthened by the drift of clocks; the receiver accepts nothing, and releases everything, when the
//!   lifetime, shortened by the drift, has passed since it *asked*. That is always earlier.
//! * A transfer has an id. Asked twice, a sender hands over once; and a receiver accepts an id for which it waits, once.
//! * A node that is started again has forgotten what it handed over. Its share stays empty for as long as the longest
//!   transfer lives.

mod belief;
mod share;
mod split;

pub use belief::{Belief, time_until, until_full};
pub use share::{MAX_TRANSFERS, Release, Share};
pub use split::Split;

/// The identity of a transfer, random.
pub type TransferId = u128;
