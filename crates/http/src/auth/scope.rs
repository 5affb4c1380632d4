use std::fmt;
use std::str::FromStr;

use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// One thing that a credential may allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Scope {
    /// Read the catalogue, as far as it is shown to everyone.
    CatalogRead,
    /// Change the catalogue, and see drafts and archived products.
    CatalogWrite,
    /// Read stock and reservations.
    StockRead,
    /// Change stock, reserve and sell.
    StockWrite,
    /// Claim and finish jobs.
    JobsWork,
    /// See, cancel and replay jobs.
    JobsAdmin,
    /// Check limits.
    LimitsCheck,
    /// Change limits.
    LimitsAdmin,
    /// Run the service: keys, incidents, switches.
    Ops,
}

/// A text names no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a scope; the scopes are: {all}", all = Scope::ALL.map(Scope::as_str).join(" "))]
pub struct UnknownScope(pub String);

impl Scope {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::CatalogRead,
        Self::CatalogWrite,
        Self::StockRead,
        Self::StockWrite,
        Self::JobsWork,
        Self::JobsAdmin,
        Self::LimitsCheck,
        Self::LimitsAdmin,
        Self::Ops,
    ];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CatalogRead => "catalog:read",
            Self::CatalogWrite => "catalog:write",
            Self::StockRead => "stock:read",
            Self::StockWrite => "stock:write",
            Self::JobsWork => "jobs:work",
            Self::JobsAdmin => "jobs:admin",
            Self::LimitsCheck => "limits:check",
            Self::LimitsAdmin => "limits:admin",
            Self::Ops => "ops",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        let known = Self::ALL.into_iter().find(|scope| scope.as_str() == text);
        known.ok_or_else(|| UnknownScope(text.to_owned()))
    }
}

impl PartialSchema for Scope {
    fn schema() -> RefOr<Schema> {
        let names = Self::ALL.map(Self::as_str);
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(names))
            .into()
    }
}

impl ToSchema for Scope {}

/// A set of scopes. Writing includes reading; no other scope includes another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScopeSet(u16);

impl ScopeSet {
    /// Every scope.
    #[must_use]
    pub fn all() -> Self {
        Scope::ALL.into_iter().collect()
    }

    /// The scopes among `names`; names of other programs' scopes are passed over.
    #[must_use]
    pub fn known<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        names
            .into_iter()
            .filter_map(|name| name.parse().ok())
            .collect()
    }

    /// Whether the set allows `scope`.
    #[must_use]
    pub const fn allows(self, scope: Scope) -> bool {
        let implied = match scope {
            Scope::CatalogRead => bit(Scope::CatalogWrite),
            Scope::StockRead => bit(Scope::StockWrite),
            _ => 0,
        };
        self.0 & (bit(scope) | implied) != 0
    }
}

const fn bit(scope: Scope) -> u16 {
    1 << scope as u8
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | bit(scope)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_is_read_back_from_its_name() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
        }
        assert!(
            "catalog:*"
                .parse::<Scope>()
                .unwrap_err()
                .to_string()
                .contains("catalog:read")
        );
    }

    #[test]
    fn writing_allows_reading_of_the_same_part_only() {
        let writer = ScopeSet::from_iter([Scope::CatalogWrite]);
        let allowed: Vec<_> = Scope::ALL
            .into_iter()
            .filter(|scope| writer.allows(*scope))
            .collect();
        assert_eq!(allowed, [Scope::CatalogRead, Scope::CatalogWrite]);
        assert!(!ScopeSet::default().allows(Scope::CatalogRead));
        assert!(
            Scope::ALL
                .into_iter()
                .all(|scope| ScopeSet::all().allows(scope))
        );
    }

    #[test]
    fn unknown_names_allow_nothing() {
        let scopes = ScopeSet::known("openid ops admin *".split(' '));
        assert_eq!(scopes, ScopeSet::from_iter([Scope::Ops]));
    }
}
