use rusqlite::Row;
use rusqlite::types::Type;
use serde::de::DeserializeOwned;
use stanchion_kernel::{Timestamp, Uuid};

use crate::model::{Price, Product};

/// A product, and its number.
pub(super) fn product(row: &Row<'_>) -> rusqlite::Result<(i64, Product)> {
    let status: String = row.get(9)?;
    let product = Product {
        id: Uuid::from_bytes(row.get(1)?),
        sku: row.get(2)?,
        name: row.get(3)?,
        description: row.get(4)?,
        category: row.get(5)?,
        price: Price {
            amount: row.get(6)?,
            currency: row.get(7)?,
        },
        attributes: json(row, 8)?,
        status: status.parse().map_err(|()| rusqlite::Error::InvalidQuery)?,
        images: json(row, 13)?,
        version: row.get(10)?,
        created_at: Timestamp::from_micros(row.get(11)?),
        updated_at: Timestamp::from_micros(row.get(12)?),
    };
    Ok((row.get(0)?, product))
}

fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    serde_json::from_str(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}
