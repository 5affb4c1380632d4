use std::time::Duration;

use crate::model::{Kind, Queue, Worker};

/// The most jobs that one order gets.
pub const MAX_CLAIM: u32 = 100;
/// The most kinds that an order may name.
pub const MAX_KINDS: usize = 100;

/// A wish of a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// From which queue.
    pub queue: Queue,
    /// Who works.
    pub worker: Worker,
    /// How many jobs at most; no more than [`MAX_CLAIM`] are given.
    pub most: u32,
    /// For how long they are leased; as long as the desk's settings say when it is `None`.
    pub lease: Option<Duration>,
    /// How long to wait for the first of them; no longer than the desk's settings say.
    pub wait: Duration,
    /// The worker's process runs nothing at present: it may be given a suspect, and then gets nothing beside it.
    pub alone: bool,
    /// Kinds that the worker knows: jobs of these in the queue that were parked wait again.
    pub kinds: Vec<Kind>,
}
