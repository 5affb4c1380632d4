use std::fmt;

use super::Scope;

/// Who may call a route. Declared beside it in the router, enforced around it, shown in the API document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone.
    Open,
    /// Anyone when the configuration opens the catalogue's reads, otherwise whoever has the scope.
    AnonymousRead(Scope),
    /// Whoever has the scope.
    Key(Scope),
}

impl Access {
    /// The scope that it asks for.
    #[must_use]
    pub const fn scope(self) -> Option<Scope> {
        match self {
            Self::Open => None,
            Self::AnonymousRead(scope) | Self::Key(scope) => Some(scope),
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("open"),
            Self::AnonymousRead(scope) => write!(f, "anonymous or {scope}"),
            Self::Key(scope) => write!(f, "{scope}"),
        }
    }
}
