use std::error::Error;
use std::fmt;
use std::time::Duration;

/// How a handler ends when the job is not done.
///
/// Every error becomes a [`Failure::Error`] by `?`.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// Something went wrong; the job is tried again by its policy.
    Error(Box<dyn Error + Send + Sync>),
    /// Something went wrong; the job is tried again after this time, at most 30 days. It counts as a failure.
    RetryAfter(Duration, Box<dyn Error + Send + Sync>),
    /// No other attempt will do better: a dead letter at once.
    Permanent(Box<dyn Error + Send + Sync>),
    /// It is too early; the job comes again after this time, at most 30 days. It is no failure.
    Snooze(Duration),
    /// A process that the handler started needed more memory than it may have; its input becomes a suspect.
    OutOfMemory(String),
    /// A process that the handler started died; its input becomes a suspect.
    Crash(String),
    /// A process that the handler started took longer than it may have.
    TimedOut(String),
    /// The handler ended since it was asked to ([`Context::cancelled`](crate::Context::cancelled)).
    Cancelled,
}

impl Failure {
    /// A failure that no other attempt can mend.
    pub fn permanent(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Permanent(error.into())
    }

    /// A failure after which another attempt makes sense after a while only.
    pub fn retry_after(after: Duration, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::RetryAfter(after, error.into())
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Error(Box::new(error))
    }
}

/// An error with all that caused it.
pub(crate) struct Whole<'a>(pub(crate) &'a (dyn Error + Send + Sync));

impl fmt::Display for Whole<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
