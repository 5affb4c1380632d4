//! Who is calling, and whether they may.

mod access;
mod api_key;
mod bearer;
mod caller;
mod jwk_set;
mod jwks;
mod scope;
mod token;

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderValue};
use stanchion_kernel::Clock;
use stanchion_store::keys::Keys;

use crate::config::AuthConfig;
use crate::problem::{Problem, ProblemKind};
use bearer::Bearer;
use token::Tokens;

pub use access::Access;
pub use api_key::{ApiKey, NotAKey};
pub use caller::{Caller, Identity};
pub use jwks::JwksError;
pub use scope::{Scope, ScopeSet, UnknownScope};

/// Checks credentials: API keys against the database, tokens against the JWKS.
#[derive(Clone, Debug)]
pub struct Authenticator {
    keys: Keys,
    tokens: Option<Tokens>,
    anonymous_read: bool,
}

impl Authenticator {
    /// Checks credentials as `config` says; reads the JWKS once when there is one.
    ///
    /// # Errors
    /// When the JWKS file cannot be read, or issuer or audience are missing beside it.
    pub async fn open(config: &AuthConfig, keys: Keys, clock: Clock) -> Result<Self, JwksError> {
        let tokens = Tokens::open(config, clock).await?;
        Ok(Self {
            keys,
            tokens,
            anonymous_read: config.anonymous_read,
        })
    }

    /// Keeps the keys of tokens fresh; for a background task. It ends at once when there are none.
    pub async fn follow(&self) {
        if let Some(tokens) = &self.tokens {
            tokens.follow().await;
        }
    }

    /// The API keys that it checks against.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Whether the catalogue's reads are open.
    #[must_use]
    pub fn anonymous_read(&self) -> bool {
        self.anonymous_read
    }

    /// Who is calling, and why they may not do what `access` asks for. Whoever has no valid credential is anonymous.
    ///
    /// A credential that is not valid is refused also where none is needed, so that its owner learns of it; only open
    /// routes do not look at all.
    pub(crate) async fn admit(
        &self,
        access: Access,
        headers: &HeaderMap,
        client: IpAddr,
    ) -> (Caller, Option<Problem>) {
        let Some(scope) = access.scope() else {
            return (Caller::anonymous(client), None);
        };
        let anonymous_allowed = self.anonymous_read && matches!(access, Access::AnonymousRead(_));
        match self.identify(headers, client).await {
            Ok(Some(caller)) if caller.scopes.allows(scope) => (caller, None),
            Ok(Some(caller)) => (caller, Some(forbidden(scope))),
            Ok(None) if anonymous_allowed => (Caller::anonymous(client), None),
            Ok(None) => {
                let problem = unauthenticated("Bearer realm=\"stanchion\"");
                (Caller::anonymous(client), Some(problem))
            }
            Err(problem) => (Caller::anonymous(client), Some(problem)),
        }
    }

    /// Whom the credential stands for; `None` when there is none.
    async fn identify(
        &self,
        headers: &HeaderMap,
        client: IpAddr,
    ) -> Result<Option<Caller>, Problem> {
        let caller = match bearer::read(headers) {
            Bearer::Absent => return Ok(None),
            Bearer::Malformed => None,
            Bearer::Token(text) if ApiKey::looks_like_one(text) => {
                self.by_key(text, client).await?
            }
            Bearer::Token(text) => self.by_token(text, client).await,
        };
        let invalid = || unauthenticated("Bearer realm=\"stanchion\", error=\"invalid_token\"");
        caller.map(Some).ok_or_else(invalid)
    }

    async fn by_key(&self, text: &str, client: IpAddr) -> Result<Option<Caller>, Problem> {
        let Ok(key) = text.parse::<ApiKey>() else {
            return Ok(None);
        };
        let record = self.keys.verify(key.id, &key.secret).await?;
        Ok(record.map(|record| Caller {
            identity: Identity::Key(record.id),
            scopes: ScopeSet::known(record.scopes.iter().map(String::as_str)),
            client,
        }))
    }

    async fn by_token(&self, text: &str, client: IpAddr) -> Option<Caller> {
        let subject = self.tokens.as_ref()?.verify(text).await?;
        Some(Caller {
            identity: Identity::Token(subject.name),
            scopes: subject.scopes,
            client,
        })
    }
}

fn unauthenticated(challenge: &'static str) -> Problem {
    Problem::new(ProblemKind::Unauthenticated).challenge(HeaderValue::from_static(challenge))
}

fn forbidden(scope: Scope) -> Problem {
    let challenge =
        format!("Bearer realm=\"stanchion\", error=\"insufficient_scope\", scope=\"{scope}\"");
    let problem = Problem::new(ProblemKind::Forbidden)
        .detail(format!("this needs the scope `{scope}`"))
        .with("scope", scope.as_str());
    match HeaderValue::from_str(&challenge) {
        Ok(challenge) => problem.challenge(challenge),
        Err(_) => problem,
    }
}
