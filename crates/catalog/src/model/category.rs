use serde::{Deserialize, Serialize};
use stanchion_kernel::Timestamp;
use utoipa::ToSchema;

/// A category; it comes into being with its first product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Category {
    /// Its name, by which products refer to it.
    pub name: String,
    /// When its first product was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}
