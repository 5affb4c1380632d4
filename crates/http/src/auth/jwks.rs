use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jsonwebtoken::Algorithm;
use metrics::counter;
use stanchion_kernel::Clock;

use super::jwk_set::{KeySet, VerifyingKey};
use crate::config::AuthConfig;

/// The largest document that is read, in bytes.
const MAX_DOCUMENT_BYTES: usize = 256 * 1024;
/// The longest that the whole fetch may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// The keys of a JWKS file or URL. The last good set is kept while the source fails.
#[derive(Clone, Debug)]
pub(crate) struct Jwks(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    source: Source,
    clock: Clock,
    refresh_every: Duration,
    unknown_every: Duration,
    current: RwLock<Arc<KeySet>>,
    /// When the source was asked last; held while it is being asked, so that one request does it for all.
    asked: tokio::sync::Mutex<Option<Duration>>,
}

#[derive(Debug)]
enum Source {
    File(PathBuf),
    Url(reqwest::Client, reqwest::Url),
}

/// Why the keys cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JwksError {
    /// The URL cannot be used.
    #[error("auth.jwks: {0}")]
    Config(String),
    /// The source cannot be read.
    #[error("the JWKS cannot be read: {0}")]
    Read(String),
    /// The document is larger than 256 KiB.
    #[error("the JWKS is larger than {MAX_DOCUMENT_BYTES} bytes")]
    TooLarge,
    /// The document is no JWK set.
    #[error("the JWKS is not a JWK set: {0}")]
    Parse(#[from] serde_json::Error),
    /// The document holds no key that can be used.
    #[error("the JWKS holds no RS256, ES256 or EdDSA key")]
    Empty,
}

impl Jwks {
    /// Opens the source and reads it once. A file must be there; a URL that does not answer is asked again later.
    pub(crate) async fn open(
        source: &str,
        config: &AuthConfig,
        clock: Clock,
    ) -> Result<Self, JwksError> {
        let source = match source.starts_with("http://") || source.starts_with("https://") {
            true => Source::Url(client()?, source.parse().map_err(|_| invalid_url(source))?),
            false => Source::File(PathBuf::from(source)),
        };
        let must_work = matches!(source, Source::File(_));
        let jwks = Self(Arc::new(Inner {
            source,
            clock,
            refresh_every: Duration::from_secs(config.jwks_refresh_seconds.max(1)),
            unknown_every: Duration::from_secs(config.jwks_unknown_kid_seconds.max(1)),
            current: RwLock::default(),
            asked: tokio::sync::Mutex::default(),
        }));
        match jwks.refresh(Duration::ZERO).await {
            Err(error) if must_work => Err(error),
            _ => Ok(jwks),
        }
    }

    /// The key for a token; an unknown one has the source asked again, at most once per interval.
    pub(crate) async fn find(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> Option<VerifyingKey> {
        if let Some(key) = self.current().find(kid, algorithm) {
            return Some(key.clone());
        }
        // The failure was logged where it happened; the last good set has been asked already.
        self.refresh(self.0.unknown_every).await.ok()?;
        self.current().find(kid, algorithm).cloned()
    }

    /// Reads the source again and again; for a background task.
    pub(crate) async fn follow(&self) {
        loop {
            tokio::time::sleep(self.0.refresh_every).await;
            let _ = self.refresh(Duration::ZERO).await;
        }
    }

    fn current(&self) -> Arc<KeySet> {
        Arc::clone(
            &self
                .0
                .current
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Reads the source, unless that was done less than `min_age` ago.
    async fn refresh(&self, min_age: Duration) -> Result<(), JwksError> {
        let mut asked = self.0.asked.lock().await;
        let now = self.0.clock.monotonic();
        if asked.is_some_and(|at| now.saturating_sub(at) < min_age) {
            return Ok(());
        }
        *asked = Some(now);
        let read = self.0.source.read().await.and_then(|document| {
            let keys = KeySet::parse(&document)?;
            if keys.len() == 0 {
                Err(JwksError::Empty)
            } else {
                Ok(keys)
            }
        });
        match read {
            Ok(keys) => {
                counter!("stanchion_auth_jwks_refreshes_total", "outcome" => "ok").increment(1);
                *self
                    .0
                    .current
                    .write()
                    .unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
                Ok(())
            }
            Err(error) => {
                counter!("stanchion_auth_jwks_refreshes_total", "outcome" => "failed").increment(1);
                tracing::warn!(%error, "the keys of tokens stay as they were");
                Err(error)
            }
        }
    }
}

impl Source {
    async fn read(&self) -> Result<Vec<u8>, JwksError> {
        let document = match self {
            Self::File(path) => tokio::fs::read(path)
                .await
                .map_err(|error| JwksError::Read(format!("{}: {error}", path.display())))?,
            Self::Url(client, url) => return fetch(client, url.clone()).await,
        };
        if document.len() > MAX_DOCUMENT_BYTES {
            return Err(JwksError::TooLarge);
        }
        Ok(document)
    }
}

async fn fetch(client: &reqwest::Client, url: reqwest::Url) -> Result<Vec<u8>, JwksError> {
    let failed = |error: reqwest::Error| JwksError::Read(error.without_url().to_string());
    let request = client
        .get(url)
        .header("accept", "application/jwk-set+json, application/json");
    let mut response = request
        .send()
        .await
        .and_then(reqwest::Response::error_for_status)
        .map_err(failed)?;
    let mut document = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if document.len() + chunk.len() > MAX_DOCUMENT_BYTES {
            return Err(JwksError::TooLarge);
        }
        document.extend_from_slice(&chunk);
    }
    Ok(document)
}

fn client() -> Result<reqwest::Client, JwksError> {
    // Fails when the program has chosen one already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .timeout(FETCH_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| JwksError::Config(error.to_string()))
}

fn invalid_url(source: &str) -> JwksError {
    JwksError::Config(format!("`{source}` is not a URL"))
}
