/// A database, or a port to it, that breaks a promise; to show that the oracle sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Rows are written over whatever they are by then, without a lock.
    LosesUpdates,
    /// A batch is decided on what was read before its locks were waited for.
    DecidesOnAnOldSnapshot,
    /// A reservation is read before the wait, and settled whatever it is by then.
    EndsTwice,
    /// The outcome of a key is kept in a transaction of its own, later.
    KeepsKeysOutside,
    /// An unknown commit is taken for a failed one: nobody looks for its effect, and nothing is unique.
    TakesUnknownForFailed,
    /// The answer is given before the commit, which may fail.
    AnswersBeforeCommit,
    /// The server's clock decides what is over.
    AsksTheServersClock,
    /// The version is not bumped by a reservation.
    KeepsVersions,
    /// What a refused key was told is forgotten.
    ForgetsRefusals,
}

impl Wrong {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::LosesUpdates,
        Self::DecidesOnAnOldSnapshot,
        Self::EndsTwice,
        Self::KeepsKeysOutside,
        Self::TakesUnknownForFailed,
        Self::AnswersBeforeCommit,
        Self::AsksTheServersClock,
        Self::KeepsVersions,
        Self::ForgetsRefusals,
    ];
}
