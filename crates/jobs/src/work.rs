use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::model::{InputHash, Policy, Priority, UniqueScope};

/// A kind of job: what its arguments are and how it is treated. Who enqueues needs no more; who works has a
/// [`Handler`](crate::Handler) for it besides.
pub trait Job: Send + Sync + 'static {
    /// Its name, which is stored with each job: 1 to 64 of `a`–`z`, `0`–`9`, `-`, `_` and `.`, beginning with a letter.
    const KIND: &'static str;
    /// What a job is told. Stored as JSON; a change must read what waits already.
    type Args: Serialize + DeserializeOwned + Send + 'static;

    /// The queue that its jobs wait in.
    #[must_use]
    fn queue() -> &'static str {
        "default"
    }

    /// How urgent it is.
    #[must_use]
    fn priority() -> Priority {
        Priority::NORMAL
    }

    /// What it may cost; stored with each job.
    #[must_use]
    fn policy() -> Policy {
        Policy::default()
    }

    /// What a job needs while it runs.
    #[must_use]
    fn weight() -> Weight {
        Weight::default()
    }

    /// What a job works on, by its content, where that is not what its arguments say: a file's hash.
    #[must_use]
    fn input(_args: &Self::Args) -> Option<InputHash> {
        None
    }

    /// What makes a job the only one of its kind, and while it is in which states.
    #[must_use]
    fn unique(_args: &Self::Args) -> Option<(Vec<u8>, UniqueScope)> {
        None
    }
}

/// What a job needs while it runs, or what a worker has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weight {
    /// Processor time, in thousandths of a core.
    pub cpu_millis: u32,
    /// Memory, in bytes.
    pub memory_bytes: u64,
}

impl Default for Weight {
    /// A hundredth of a core and 8 MB: a job that waits for others most of its time.
    fn default() -> Self {
        Self {
            cpu_millis: 10,
            memory_bytes: 8 << 20,
        }
    }
}
