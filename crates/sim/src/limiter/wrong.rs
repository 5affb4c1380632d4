/// A node that breaks a promise; to show that the oracle sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// A promoted node goes on with what it has, as if it had heard everything.
    KnowsNoEpoch,
    /// A primary that nobody follows any more goes on writing.
    NeverFenced,
    /// The buckets of a new epoch are full.
    BeginsFull,
    /// A lease whose time is over is credited.
    CreditsEndedLeases,
    /// A lease is credited as often as it is given back.
    ReturnsTwice,
    /// A bucket fills up to its burst beside what is lent.
    FillsBesideLeases,
}

impl Wrong {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::KnowsNoEpoch,
        Self::NeverFenced,
        Self::BeginsFull,
        Self::CreditsEndedLeases,
        Self::ReturnsTwice,
        Self::FillsBesideLeases,
    ];
}
