//! What is for sale: where the catalogue and the stock meet, as far as the surface needs to know.

use async_trait::async_trait;
use stanchion_catalog::{Catalog, CatalogError, Status};

use crate::problem::{Problem, ProblemKind};

/// Says of SKUs whether they belong to a product.
#[async_trait]
pub trait Assortment: Send + Sync {
    /// The status of the product with each SKU, in the order of the SKUs; `None` for one that has no product.
    ///
    /// The answer may be as old as the bound that the implementation documents.
    ///
    /// # Errors
    /// The catalogue's own.
    async fn statuses(&self, skus: &[&str]) -> Result<Vec<Option<Status>>, CatalogError>;
}

/// The catalogue itself, asked each time.
#[async_trait]
impl Assortment for Catalog {
    async fn statuses(&self, skus: &[&str]) -> Result<Vec<Option<Status>>, CatalogError> {
        Self::statuses(self, skus).await
    }
}

/// Refuses SKUs that belong to no product.
pub(crate) async fn demand_known(
    assortment: &dyn Assortment,
    skus: &[&str],
) -> Result<Vec<Status>, Problem> {
    let statuses = assortment.statuses(skus).await?;
    let unknown = skus
        .iter()
        .zip(&statuses)
        .filter(|(_, status)| status.is_none());
    let unknown: Vec<&str> = unknown.map(|(sku, _)| *sku).collect();
    if unknown.is_empty() {
        Ok(statuses.into_iter().flatten().collect())
    } else {
        Err(Problem::new(ProblemKind::UnknownSku).with("skus", unknown))
    }
}

/// Refuses SKUs whose product is not active, or that belong to none.
pub(crate) async fn demand_for_sale(
    assortment: &dyn Assortment,
    skus: &[&str],
) -> Result<(), Problem> {
    let statuses = demand_known(assortment, skus).await?;
    let idle = skus
        .iter()
        .zip(&statuses)
        .filter(|(_, status)| **status != Status::Active);
    let idle: Vec<&str> = idle.map(|(sku, _)| *sku).collect();
    if idle.is_empty() {
        Ok(())
    } else {
        Err(Problem::new(ProblemKind::NotForSale).with("skus", idle))
    }
}
