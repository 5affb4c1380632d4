use stanchion_jobs::{Invalid, JobsError, MAX_ARGS_BYTES};

use super::{Problem, ProblemKind};

impl From<JobsError> for Problem {
    fn from(error: JobsError) -> Self {
        match error {
            JobsError::Invalid(invalid) => invalid.into(),
            JobsError::NoJob(_) => Self::new(ProblemKind::NotFound),
            JobsError::Lost(_) => Self::new(ProblemKind::LeaseLost),
            JobsError::Crowded => Self::new(ProblemKind::Overloaded).detail(error.to_string()),
            JobsError::Store(error) => Self::from_store(&error),
            other => {
                tracing::error!(error = %other, "an error of the jobs has no problem");
                Self::new(ProblemKind::Internal)
            }
        }
    }
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        let pointer = match invalid {
            Invalid::ArgsTooLarge { .. } => {
                return Self::new(ProblemKind::PayloadTooLarge)
                    .detail(invalid.to_string())
                    .with("max_bytes", MAX_ARGS_BYTES as u64);
            }
            Invalid::Queue => "/queue",
            Invalid::Kind => "/kind",
            Invalid::Worker => "/worker",
            Invalid::Priority => "/priority",
            Invalid::Args(_) => "/args",
            Invalid::Policy(_) => "/policy",
            Invalid::RunAt => "/run_at",
            _ => "",
        };
        Self::invalid(pointer, invalid)
    }
}
