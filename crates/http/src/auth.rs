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

    /// The caller, if they may do what `access` asks for.
    ///
    /// A credential that is not valid is refused also where none is needed, so that its owner learns of it; only open
    /// routes do not look at all.
    pub(crate) async fn admit(
        &self,
        access: Access,
        headers: &HeaderMap,
        client: IpAddr,
    ) -> Result<Caller, Problem> {
        let Some(scope) = access.scope() else {
            return Ok(Caller::anonymous(client));
        };
        let anonymous_allowed = self.anonymous_read && matches!(access, Access::AnonymousRead(_));
        let caller = match bearer::read(headers) {
            Bearer::Absent if anonymous_allowed => return Ok(Caller::anonymous(client)),
            Bearer::Absent => return Err(unauthenticated("Bearer realm=\"stanchion\"")),
            Bearer::Malformed => None,
            Bearer::Token(text) if ApiKey::looks_like_one(text) => {
                self.by_key(text, client).await?
            }
            Bearer::Token(text) => self.by_token(text, client).await,
        };
        let Some(caller) = caller else {
            return Err(unauthenticated(
                "Bearer realm=\"stanchion\", error=\"invalid_token\"",
            ));
        };
        if caller.scopes.allows(scope) {
            Ok(caller)
        } else {
            Err(forbidden(scope))
        }
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
