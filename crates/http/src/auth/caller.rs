use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use stanchion_catalog::{Product, Status};
use stanchion_kernel::Uuid;

use super::{Scope, ScopeSet};
use crate::problem::{Problem, ProblemKind};

/// Who sent a request, once it has been let in.
#[derive(Clone, Debug)]
pub struct Caller {
    /// What it identified itself with.
    pub identity: Identity,
    /// What it may do.
    pub scopes: ScopeSet,
    /// Where it is, behind trusted proxies only.
    pub client: IpAddr,
}

/// What a caller identified itself with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Nothing.
    Anonymous,
    /// An API key, by its id.
    Key(Uuid),
    /// A token, by its `sub`.
    Token(Arc<str>),
}

impl Caller {
    pub(crate) fn anonymous(client: IpAddr) -> Self {
        Self {
            identity: Identity::Anonymous,
            scopes: ScopeSet::default(),
            client,
        }
    }

    /// Whether it may see products that are not shown to everyone.
    #[must_use]
    pub fn sees_everything(&self) -> bool {
        self.scopes.allows(Scope::CatalogWrite)
    }

    /// The product, when it is there and this caller may see it.
    ///
    /// # Errors
    /// `not-found`, whichever it is.
    pub(crate) fn seeing(&self, product: Option<Product>) -> Result<Product, Problem> {
        product
            .filter(|product| product.status == Status::Active || self.sees_everything())
            .ok_or_else(|| Problem::new(ProblemKind::NotFound))
    }

    /// A name that no other caller has, for what is kept per caller.
    #[must_use]
    pub fn key(&self) -> String {
        match &self.identity {
            Identity::Anonymous => format!("anonymous:{}", self.client),
            Identity::Key(id) => format!("key:{id}"),
            Identity::Token(subject) => format!("token:{subject}"),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    /// The caller that the envelope put there; without an envelope one that may do nothing.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let known = parts.extensions.get::<Self>().cloned();
        Ok(known.unwrap_or_else(|| Self::anonymous(IpAddr::V4(Ipv4Addr::UNSPECIFIED))))
    }
}
