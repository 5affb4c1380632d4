/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("seed {seed}: {what}\n{tail}")]
pub struct Breach {
    /// Under which seed.
    pub seed: u64,
    /// What is wrong.
    pub what: String,
    /// The last events before it was found.
    pub tail: String,
}

/// How many events a breach shows.
pub(crate) const TAIL: usize = 40;
