use stanchion_catalog::{CatalogError, FieldError};

use super::{Problem, ProblemKind};

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        Self::from_catalog(&error)
    }
}

impl Problem {
    /// What a client is told of the catalogue's error.
    pub(crate) fn from_catalog(error: &CatalogError) -> Self {
        match error {
            CatalogError::NotFound => Self::new(ProblemKind::NotFound),
            CatalogError::RevisionConflict { current } => {
                Self::new(ProblemKind::PreconditionFailed)
                    .detail(format!("the product is at version {}", current.version))
                    .with("current_version", current.version)
            }
            CatalogError::SkuTaken { sku } => {
                Self::new(ProblemKind::SkuTaken).with("sku", sku.clone())
            }
            CatalogError::Invalid(errors) => {
                let named = |error: &FieldError| (error.pointer.clone(), error.message.clone());
                Self::new(ProblemKind::Validation).errors(errors.iter().map(named))
            }
            CatalogError::InvalidPatch(why) => Self::invalid("", why),
            CatalogError::InvalidCursor => Self::new(ProblemKind::InvalidCursor),
            CatalogError::InvalidQuery(why) => {
                Self::new(ProblemKind::BadRequest).detail(why.clone())
            }
            CatalogError::Store(error) => Self::from_store(error),
            other => {
                tracing::error!(error = %other, "an error of the catalogue has no problem");
                Self::new(ProblemKind::Internal)
            }
        }
    }
}
