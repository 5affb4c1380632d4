use std::num::NonZeroU16;
use std::time::Duration;

use stanchion_store::StoreError;

use crate::{Fallback, Limit, Rate};

/// The columns of a limit, as both databases have them.
#[derive(Debug)]
pub(super) struct LimitRow {
    pub(super) name: String,
    pub(super) tokens: i64,
    pub(super) period_us: i64,
    pub(super) burst: i64,
    pub(super) fallback: String,
    pub(super) servers: Option<i32>,
    pub(super) shadow: bool,
    pub(super) parts: i32,
}

impl LimitRow {
    /// # Errors
    /// [`StoreError::Config`] for a rate that no column holds.
    pub(super) fn of(limit: &Limit) -> Result<Self, StoreError> {
        let too_large = |_| StoreError::Config("the rate is too large to be stored".to_owned());
        let (fallback, servers) = match limit.fallback() {
            Fallback::Deny => ("deny", None),
            Fallback::Allow => ("allow", None),
            Fallback::Share { servers } => ("share", Some(i32::from(servers.get()))),
        };
        Ok(Self {
            name: limit.name().to_string(),
            tokens: i64::try_from(limit.rate().tokens()).map_err(too_large)?,
            period_us: i64::try_from(limit.rate().period().as_micros()).map_err(too_large)?,
            burst: i64::try_from(limit.burst()).map_err(too_large)?,
            fallback: fallback.to_owned(),
            servers,
            shadow: limit.is_shadow(),
            parts: i32::from(limit.parts()),
        })
    }

    /// # Errors
    /// [`StoreError::Corrupt`] when it is no limit.
    pub(super) fn limit(&self) -> Result<Limit, StoreError> {
        self.read()
            .ok_or_else(|| StoreError::Corrupt(format!("the limit `{}`", self.name)))
    }

    fn read(&self) -> Option<Limit> {
        let period = Duration::from_micros(u64::try_from(self.period_us).ok()?);
        let rate = Rate::new(u64::try_from(self.tokens).ok()?, period);
        let limit = Limit::new(&self.name, rate, u64::try_from(self.burst).ok()?).ok()?;
        let fallback = match (self.fallback.as_str(), self.servers) {
            ("deny", None) => Fallback::Deny,
            ("allow", None) => Fallback::Allow,
            ("share", Some(servers)) => Fallback::Share {
                servers: NonZeroU16::new(u16::try_from(servers).ok()?)?,
            },
            _ => return None,
        };
        let limit = limit.with_fallback(fallback).in_shadow(self.shadow);
        limit.in_parts(u16::try_from(self.parts).ok()?).ok()
    }
}
