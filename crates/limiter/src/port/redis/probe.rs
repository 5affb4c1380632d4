//! Looks at the servers' settings, again and again: what was safe at the start need not be later.

use std::sync::{Arc, Mutex, PoisonError};

use super::config::RedisConfig;
use super::line::Line;
use super::standing::{Promise, Setup, Standing};
use crate::LimiterError;
use crate::observe;

/// What is known of the servers now; `None` as long as nobody has seen them.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen(Arc<Mutex<Option<Standing>>>);

impl Seen {
    pub(super) fn get(&self) -> Option<Standing> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The promise alone, which every decision names.
    pub(super) fn promise(&self) -> Option<Promise> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.as_ref().map(|standing| standing.promise)
    }

    /// Says what has changed, once.
    fn set(&self, standing: Standing) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.as_ref() == Some(&standing) {
            return;
        }
        observe::promise(standing.promise);
        for remark in &standing.remarks {
            tracing::warn!(promise = ?standing.promise, "the limits are not exact through a failover: {remark}");
        }
        *seen = Some(standing);
    }
}

pub(super) struct Probe {
    line: Line,
    setup: Setup,
    seen: Seen,
}

impl Probe {
    pub(super) fn new(line: Line, config: &RedisConfig, seen: Seen) -> Self {
        let setup = Setup {
            quarantine: config.quarantine,
            after_last_write: config.after_last_write(),
            acknowledged_by: config.acknowledged_by,
        };
        Self { line, setup, seen }
    }

    /// Looks once.
    ///
    /// # Errors
    /// [`LimiterError::Config`] when a server cannot be used as it is, [`LimiterError::Unavailable`] when it is not
    /// there.
    pub(super) async fn look(&mut self) -> Result<(), LimiterError> {
        let all = self.line.settings().await?;
        let mut worst: Option<Standing> = None;
        for settings in &all {
            settings.refuse_old()?;
            let standing = settings.assess(&self.setup);
            worst = Some(match worst {
                Some(worst) => worst.and(standing),
                None => standing,
            });
        }
        if let Some(standing) = worst {
            self.seen.set(standing);
        }
        Ok(())
    }
}
