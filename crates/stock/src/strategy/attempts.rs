use std::time::Duration;

use stanchion_store::StoreError;

use crate::engine::Engine;
use crate::observe;

/// The attempts at one command or batch: bounded in number and in time, with pauses between them. One more is granted to
/// who finds that an effect is there already, and has only to read what it is.
pub(crate) struct Attempts<'a> {
    engine: &'a Engine,
    name: &'static str,
    until: Duration,
    done: u32,
    again: bool,
    looked: bool,
    unknown: Option<StoreError>,
}

impl<'a> Attempts<'a> {
    /// Attempts that are begun before the moment `until`, on the monotonic clock.
    pub(crate) fn new(engine: &'a Engine, name: &'static str, until: Duration) -> Self {
        Self {
            engine,
            name,
            until,
            done: 0,
            again: false,
            looked: false,
            unknown: None,
        }
    }

    /// An attempt begins. Answers whether an earlier one may have had its effect.
    pub(crate) fn begin(&self) -> bool {
        observe::attempt(self.name);
        self.again
    }

    /// After an attempt failed: waits and returns when there is to be another, or says why there is none.
    pub(crate) async fn failed(&mut self, error: StoreError) -> Result<(), StoreError> {
        match &error {
            StoreError::Conflict(_) => observe::conflict(self.name),
            // Nothing was stored.
            StoreError::Unavailable(_) => {}
            StoreError::Duplicate(_) => {
                self.again = true;
                if !std::mem::replace(&mut self.looked, true) {
                    self.done += 1;
                    return Ok(());
                }
            }
            StoreError::CommitUnknown(_) => {
                self.again = true;
                self.unknown = Some(error.clone());
            }
            _ => return Err(self.last(error)),
        }
        let pause = self.engine.pause(self.done);
        self.done += 1;
        let later = self.engine.clock.monotonic().saturating_add(pause);
        if self.done >= self.engine.config.attempts || later >= self.until {
            return Err(self.last(error));
        }
        // The timer would make a millisecond of no pause at all.
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }

    /// As long as nobody knows what became of a commit, that is what the caller must hear.
    fn last(&mut self, error: StoreError) -> StoreError {
        self.unknown.take().unwrap_or(error)
    }
}
