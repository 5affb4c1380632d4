use serde::de::DeserializeOwned;
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use stanchion_kernel::Timestamp;
use stanchion_store::StoreError;

use crate::CatalogError;
use crate::model::{Price, Product};

pub(super) fn product(row: &PgRow) -> Result<Product, CatalogError> {
    let status: &str = row.try_get(8)?;
    let images: Option<&str> = row.try_get(12)?;
    Ok(Product {
        id: row.try_get(0)?,
        sku: row.try_get(1)?,
        name: row.try_get(2)?,
        description: row.try_get(3)?,
        category: row.try_get(4)?,
        price: Price {
            amount: row.try_get(5)?,
            currency: row.try_get(6)?,
        },
        attributes: json(row.try_get(7)?)?,
        status: status
            .parse()
            .map_err(|()| corrupt(format!("a status {status}")))?,
        version: row.try_get(9)?,
        created_at: Timestamp::from_datetime(row.try_get(10)?),
        updated_at: Timestamp::from_datetime(row.try_get(11)?),
        images: images.map(json).transpose()?.unwrap_or_default(),
    })
}

fn json<T: DeserializeOwned>(text: &str) -> Result<T, CatalogError> {
    serde_json::from_str(text).map_err(|error| corrupt(error.to_string()))
}

fn corrupt(what: String) -> CatalogError {
    CatalogError::Store(StoreError::Corrupt(what))
}
