use stanchion_limiter::registry::RegistryError;
use stanchion_limiter::{LimiterError, Verdict};

use super::{Problem, ProblemKind};

impl Problem {
    /// Limits refused a call.
    pub(crate) fn from_verdict(verdict: &Verdict) -> Self {
        let seconds = verdict.retry_after_seconds().unwrap_or(1);
        let violated: Vec<String> = verdict.violated().map(ToString::to_string).collect();
        Self::new(ProblemKind::QuotaExceeded)
            .detail(format!("try again in {seconds} s"))
            .with("violated-policies", violated)
            .retry_after(u32::try_from(seconds).unwrap_or(u32::MAX))
    }
}

impl From<LimiterError> for Problem {
    fn from(error: LimiterError) -> Self {
        match error {
            LimiterError::Cost { cost, burst } => Self::new(ProblemKind::CostAboveBurst)
                .detail(error.to_string())
                .with("cost", cost)
                .with("burst", burst),
            LimiterError::Key => Self::invalid("/key", &error),
            LimiterError::Twice | LimiterError::Many => Self::invalid("/checks", &error),
            error => {
                tracing::warn!(%error, "limits cannot be asked");
                Self::new(ProblemKind::Unavailable).detail("the limits cannot be asked")
            }
        }
    }
}

impl From<RegistryError> for Problem {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Fixed => Self::new(ProblemKind::LimitIsFixed),
            RegistryError::NotFound => Self::new(ProblemKind::NotFound),
            RegistryError::Conflict { current } => {
                let problem = Self::new(ProblemKind::PreconditionFailed);
                match current {
                    Some(version) => problem.with("current_version", version),
                    None => problem.detail("there is no such limit"),
                }
            }
            RegistryError::Full => Self::new(ProblemKind::TooManyLimits).detail(error.to_string()),
            RegistryError::Store(error) => Self::from_store(&error),
            other => {
                tracing::error!(error = %other, "an error of the limits has no problem");
                Self::new(ProblemKind::Internal)
            }
        }
    }
}
