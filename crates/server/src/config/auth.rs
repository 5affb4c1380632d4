use serde::{Deserialize, Serialize};

use super::key::{Key, Kind};
use super::secret::Secret;

/// `[auth]`: who may call.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthSection {
    /// Whether anybody may read active products.
    pub anonymous_read: bool,
    /// File or URL of the key set that signs JWTs.
    pub jwks: Option<String>,
    /// The `iss` that a JWT must carry.
    pub issuer: Option<String>,
    /// The `aud` that a JWT must carry.
    pub audience: Option<String>,
    /// How far the clocks of issuer and server may differ.
    pub leeway_seconds: u32,
    /// How often a key set from a URL is fetched again.
    pub jwks_refresh_seconds: u64,
    /// How often at most an unknown `kid` has it fetched early.
    pub jwks_unknown_kid_seconds: u64,
    /// What API keys are hashed with and cursors are checked with.
    pub secret: Option<Secret>,
}

impl Default for AuthSection {
    fn default() -> Self {
        Self {
            anonymous_read: true,
            jwks: None,
            issuer: None,
            audience: None,
            leeway_seconds: 30,
            jwks_refresh_seconds: 300,
            jwks_unknown_kid_seconds: 10,
            secret: None,
        }
    }
}

impl AuthSection {
    /// The key that does not go with the others, and why.
    pub(super) fn contradiction(&self) -> Option<(&'static str, String)> {
        let needs = |name: &str| Some(("auth.jwks", format!("needs `{name}`")));
        match (&self.jwks, &self.issuer, &self.audience) {
            (Some(_), None, _) => needs("auth.issuer"),
            (Some(_), _, None) => needs("auth.audience"),
            (None, Some(_), _) => Some(("auth.issuer", "needs `auth.jwks`".into())),
            (None, _, Some(_)) => Some(("auth.audience", "needs `auth.jwks`".into())),
            _ => None,
        }
    }
}

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "auth.anonymous_read",
        kind: Kind::Boolean,
        about: "Lets anybody read active products and categories without a key.",
    },
    Key {
        name: "auth.jwks",
        kind: Kind::PathOrUrl,
        about: "File or URL of the JSON Web Key Set that signs JWTs; unset: API keys only.",
    },
    Key {
        name: "auth.issuer",
        kind: Kind::Text,
        about: "The `iss` claim that a JWT must carry.",
    },
    Key {
        name: "auth.audience",
        kind: Kind::Text,
        about: "The `aud` claim that a JWT must carry.",
    },
    Key {
        name: "auth.leeway_seconds",
        kind: Kind::Integer { min: 0, max: 600 },
        about: "How far the clocks of issuer and server may differ.",
    },
    Key {
        name: "auth.jwks_refresh_seconds",
        kind: Kind::Integer {
            min: 10,
            max: 86_400,
        },
        about: "How often a key set from a URL is fetched again.",
    },
    Key {
        name: "auth.jwks_unknown_kid_seconds",
        kind: Kind::Integer { min: 1, max: 3600 },
        about: "How often at most a token with an unknown `kid` has it fetched early.",
    },
    Key {
        name: "auth.secret",
        kind: Kind::Secret,
        about: "What API keys are hashed with, the same on all servers; unset: one kept in the database. \
                A change makes every key invalid.",
    },
];
