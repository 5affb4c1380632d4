use stanchion_store::StoreError;

use crate::model::{FieldError, Product};

/// What can go wrong with a call of the catalogue. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// There is no such product, or it is deleted.
    #[error("there is no such product")]
    NotFound,
    /// The row has another revision than the caller demands.
    #[error("the product is at version {}", .current.version)]
    RevisionConflict {
        /// What the row is now.
        current: Box<Product>,
    },
    /// Another product that is not deleted has this SKU.
    #[error("another product has the SKU `{sku}`")]
    SkuTaken {
        /// The SKU.
        sku: String,
    },
    /// The input breaks rules.
    #[error("{} of the fields are not valid", .0.len())]
    Invalid(Vec<FieldError>),
    /// The merge patch does not lead to a product.
    #[error("the patch does not lead to a product: {0}")]
    InvalidPatch(String),
    /// The cursor was not made by this catalogue, or for another query.
    #[error("the cursor does not belong to this query")]
    InvalidCursor,
    /// The query asks for something that is not offered.
    #[error("the query is not valid: {0}")]
    InvalidQuery(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for CatalogError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<sqlx::Error> for CatalogError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}
