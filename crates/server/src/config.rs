//! The configuration: typed sections, filled from four layers.
//!
//! A later layer wins: defaults, the TOML file, the environment (`STANCHION_SECTION__KEY`), the command line.
//! Every key is declared once, in its section's `KEYS`, with the values that it takes. The reference in
//! `docs/configuration.md` is printed from the same table.

mod auth;
mod database;
mod draft;
mod environment;
mod error;
mod feed;
mod file;
mod jobs;
mod key;
mod limiter;
mod media;
mod redact;
pub mod reference;
mod secret;
mod server;
mod stock;
mod telemetry;
mod value;

use serde::{Deserialize, Serialize};

pub use auth::AuthSection;
pub use database::{DatabaseSection, ServerUrl};
pub use draft::Draft;
pub use error::{ConfigError, Finding, Origin};
pub use feed::FeedSection;
pub use jobs::{BrokerWord, JobsSection};
pub use key::{Key, Kind};
pub use limiter::{BackendWord, Callers, FallbackWord, LimitEntry, LimiterSection, Per, RateText};
pub use media::MediaSection;
pub use redact::redact_url;
pub use secret::Secret;
pub use server::{ForwardedHeader, ServerSection};
pub use stock::StockSection;
pub use telemetry::{LogFormat, TelemetrySection};

/// The whole configuration, checked.
///
/// Its `Debug` and `Serialize` forms hide every secret.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The listener and its limits.
    pub server: ServerSection,
    /// Where the data is.
    pub database: DatabaseSection,
    /// Who may call.
    pub auth: AuthSection,
    /// Limits, and those in front of the routes.
    pub limiter: LimiterSection,
    /// The change feed.
    pub feed: FeedSection,
    /// Stock and reservations.
    pub stock: StockSection,
    /// Jobs.
    pub jobs: JobsSection,
    /// Pictures.
    pub media: MediaSection,
    /// Logs and traces.
    pub telemetry: TelemetrySection,
}

/// Every key of every section, in the order of the reference.
pub fn keys() -> impl Iterator<Item = &'static Key> {
    [
        server::KEYS,
        database::KEYS,
        auth::KEYS,
        limiter::KEYS,
        feed::KEYS,
        stock::KEYS,
        jobs::KEYS,
        media::KEYS,
        telemetry::KEYS,
    ]
    .into_iter()
    .flatten()
}

/// Parses a file's text under an environment: `(name, value)` pairs, of which only `STANCHION_SECTION__KEY` count.
///
/// # Errors
/// With everything that is wrong, not only the first thing.
pub fn parse(
    text: &str,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    Draft::default()
        .file(text)
        .environment(environment)
        .finish()
}
