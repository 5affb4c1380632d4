use stanchion_store::StoreError;

use super::{Problem, ProblemKind};

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        Self::from_store(&error)
    }
}

impl Problem {
    /// What a client is told about the database: whether trying again helps, and nothing of its insides.
    pub(crate) fn from_store(error: &StoreError) -> Self {
        let kind = match error {
            StoreError::Full(_) => ProblemKind::StorageFull,
            StoreError::StatementTimeout => ProblemKind::DeadlineExceeded,
            StoreError::Busy(_)
            | StoreError::Unavailable(_)
            | StoreError::Conflict(_)
            | StoreError::CommitUnknown(_) => ProblemKind::Unavailable,
            _ => ProblemKind::Internal,
        };
        tracing::warn!(error = %error, problem = kind.name(), "the database failed a request");
        let problem = Self::new(kind);
        let problem = match error {
            StoreError::CommitUnknown(_) => problem.detail(
                "the connection was lost during the commit: the change may have happened or not",
            ),
            _ => problem,
        };
        match error.retry_after() {
            Some(after) => {
                problem.retry_after(u32::try_from(after.as_secs()).unwrap_or(u32::MAX).max(1))
            }
            None => problem,
        }
    }
}
