use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use stanchion_kernel::{Timestamp, Uuid};
use utoipa::ToSchema;

use super::{Attributes, Picture, ProductInput};

/// A product as it is stored and shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Product {
    /// Its id, a UUIDv7.
    pub id: Uuid,
    /// Its stock keeping unit, unique among products that are not deleted.
    pub sku: String,
    /// Its name.
    pub name: String,
    /// Its description; may be empty.
    pub description: String,
    /// The category that it belongs to.
    pub category: String,
    /// Its price.
    pub price: Price,
    /// Its properties by name.
    pub attributes: Attributes,
    /// Whether it is shown.
    pub status: Status,
    /// Its pictures, in their order.
    pub images: Vec<Picture>,
    /// 1 at first, one more with every change.
    pub version: i64,
    /// When it was made, by the database's clock.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it changed last, by the database's clock.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// An amount of money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Price {
    /// In minor units of the currency, 0 to 10^15.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_000_i64, example = 4999)]
    pub amount: i64,
    /// ISO 4217 code.
    #[schema(example = "EUR")]
    pub currency: String,
}

/// Whether a product is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Not yet shown.
    #[default]
    Draft,
    /// Shown to everyone.
    Active,
    /// No longer shown.
    Archived,
}

/// One state of a row: what an `ETag` stands for.
///
/// The moment is part of it: after a restore to an earlier point the same version may come again with other content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revision {
    /// The row's version.
    pub version: i64,
    /// When the row got it.
    pub updated_at: Timestamp,
}

impl Product {
    /// The state that this is.
    #[must_use]
    pub fn revision(&self) -> Revision {
        Revision {
            version: self.version,
            updated_at: self.updated_at,
        }
    }

    /// What a writer can set of it.
    #[must_use]
    pub fn to_input(&self) -> ProductInput {
        ProductInput {
            sku: self.sku.clone(),
            name: self.name.clone(),
            description: self.description.clone(),
            category: self.category.clone(),
            price: super::PriceInput {
                amount: self.price.amount,
                currency: self.price.currency.clone(),
            },
            attributes: self.attributes.clone(),
            status: self.status,
        }
    }
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Draft, Self::Active, Self::Archived];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Active => "active",
            Self::Archived => "archived",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Status {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or(())
    }
}
