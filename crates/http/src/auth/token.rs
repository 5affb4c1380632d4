use std::sync::Arc;

use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use serde::Deserialize;
use stanchion_kernel::Clock;

use super::ScopeSet;
use super::jwks::{Jwks, JwksError};
use crate::config::AuthConfig;

/// The longest subject that is taken, in bytes; it becomes part of database keys.
const MAX_SUBJECT: usize = 255;

/// Checks JSON Web Tokens: signature, issuer, audience and time.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    jwks: Jwks,
    issuer: String,
    audience: String,
    leeway_seconds: i64,
    clock: Clock,
}

/// What a valid token says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) name: Arc<str>,
    pub(crate) scopes: ScopeSet,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: f64,
    nbf: Option<f64>,
    /// RFC 8693 §4.2: names with spaces between.
    scope: Option<String>,
    /// What some issuers send instead.
    scp: Option<OneOrMany>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Tokens {
    /// Tokens by the keys that `config` names; `None` when it names none.
    pub(crate) async fn open(config: &AuthConfig, clock: Clock) -> Result<Option<Self>, JwksError> {
        let Some(source) = &config.jwks else {
            return Ok(None);
        };
        let (Some(issuer), Some(audience)) = (&config.issuer, &config.audience) else {
            let why = "needs auth.issuer and auth.audience beside it: a token for another service must not do";
            return Err(JwksError::Config(why.to_owned()));
        };
        Ok(Some(Self {
            jwks: Jwks::open(source, config, clock.clone()).await?,
            issuer: issuer.clone(),
            audience: audience.clone(),
            leeway_seconds: i64::from(config.leeway_seconds),
            clock,
        }))
    }

    /// Reads the keys again and again; for a background task.
    pub(crate) async fn follow(&self) {
        self.jwks.follow().await;
    }

    /// What the token says, if everything about it is right.
    pub(crate) async fn verify(&self, token: &str) -> Option<Subject> {
        let header = decode_header(token).ok()?;
        if !matches!(
            header.alg,
            Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA
        ) {
            return None;
        }
        let key = self.jwks.find(header.kid.as_deref(), header.alg).await?;
        let claims: Claims = decode(token, &key.key, &self.validation(key.algorithm))
            .ok()?
            .claims;
        self.is_current(&claims).then_some(())?;
        if claims.sub.is_empty() || claims.sub.len() > MAX_SUBJECT {
            return None;
        }
        let scopes = claims.scopes();
        Some(Subject {
            name: claims.sub.into(),
            scopes,
        })
    }

    /// Signature, issuer and audience. Time is checked here, by the clock that this crate is given.
    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.set_required_spec_claims(&["iss", "aud", "sub"]);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation
    }

    fn is_current(&self, claims: &Claims) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "seconds are exact in 53 bits")]
        let (now, leeway) = (
            (self.clock.now().as_millis() / 1000) as f64,
            self.leeway_seconds as f64,
        );
        let begun = claims.nbf.is_none_or(|nbf| nbf <= now + leeway);
        // Written so that NaN is refused.
        claims.exp > now - leeway && begun
    }
}

impl Claims {
    fn scopes(&self) -> ScopeSet {
        let scope = self.scope.iter().flat_map(|names| names.split(' '));
        let scp = self.scp.iter().flat_map(|scp| match scp {
            OneOrMany::One(names) => names.split(' ').collect::<Vec<_>>(),
            OneOrMany::Many(names) => names.iter().map(String::as_str).collect(),
        });
        ScopeSet::known(scope.chain(scp))
    }
}
