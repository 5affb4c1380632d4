use std::collections::HashMap;

use async_trait::async_trait;
use sqlx::{Connection as _, PgConnection, Row as _};
use stanchion_kernel::{Timestamp, Uuid};
use stanchion_store::feed::{Change, Kind, append_postgres};

use super::{Write, matching, row};
use crate::CatalogError;
use crate::model::{Product, Revision};
use crate::port::{Edit, Precondition, Upserted, edited, product_change};
use crate::prepared::Prepared;

const PRODUCT: &str = include_str!("product.sql");
const PRODUCT_FOR_UPDATE: &str = include_str!("product_for_update.sql");
const CONTENT_HASH: &str = include_str!("content_hash.sql");
const ADD_CATEGORIES: &str = include_str!("add_categories.sql");
const CREATE: &str = include_str!("create.sql");
const UPSERT: &str = include_str!("upsert.sql");
const REPLACE: &str = include_str!("replace.sql");
const DELETE: &str = include_str!("delete.sql");
pub(super) const ORPHAN_PICTURES: &str = include_str!("orphan_pictures.sql");

type Query = sqlx::query::Query<'static, sqlx::Postgres, sqlx::postgres::PgArguments>;

/// Makes a product.
pub(super) struct Create {
    pub new: Prepared,
}

#[async_trait]
impl Write for Create {
    type Outcome = Product;

    async fn run(&self, connection: &mut PgConnection) -> Result<Product, CatalogError> {
        let Self { new } = self;
        let batch = std::slice::from_ref(new);
        add_categories(connection, batch).await?;
        let created = bind_batch(sqlx::query(CREATE), batch)
            .execute(&mut *connection)
            .await?;
        if created.rows_affected() == 0 {
            return Err(CatalogError::SkuTaken {
                sku: new.product.sku.clone(),
            });
        }
        append_postgres(connection, &[product_change(new.id, 1, Kind::Created)]).await?;
        product(connection, new.id).await
    }
}

/// Changes a product.
pub(super) struct Update {
    pub id: Uuid,
    pub precondition: Precondition,
    pub edit: Edit,
}

#[async_trait]
impl Write for Update {
    type Outcome = Product;

    async fn run(&self, connection: &mut PgConnection) -> Result<Product, CatalogError> {
        let current = locked(connection, self.id).await?;
        let new = edited(current.clone(), &self.precondition, self.edit.clone())?;
        let hash: Vec<u8> = sqlx::query_scalar(CONTENT_HASH)
            .bind(self.id)
            .fetch_one(&mut *connection)
            .await?;
        if hash == new.content_hash {
            return Ok(current);
        }
        add_categories(connection, std::slice::from_ref(&new)).await?;
        let version = replace(connection, &new).await?;
        append_postgres(
            connection,
            &[product_change(self.id, version, Kind::Updated)],
        )
        .await?;
        product(connection, self.id).await
    }
}

/// Under a savepoint: a SKU that is taken must not spoil the caller's transaction.
async fn replace(connection: &mut PgConnection, new: &Prepared) -> Result<i64, CatalogError> {
    let mut savepoint = connection.begin().await?;
    let product = &new.product;
    let replaced = sqlx::query_scalar(REPLACE)
        .bind(new.id)
        .bind(&product.sku)
        .bind(&product.name)
        .bind(&new.name_key)
        .bind(&product.description)
        .bind(&product.category)
        .bind(product.price.amount)
        .bind(&product.price.currency)
        .bind(&new.attributes)
        .bind(product.status.as_str())
        .bind(new.content_hash.as_slice())
        .bind(matching::lexemes(new))
        .fetch_one(&mut *savepoint)
        .await;
    match replaced {
        Ok(version) => {
            savepoint.commit().await?;
            Ok(version)
        }
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
            savepoint.rollback().await?;
            Err(CatalogError::SkuTaken {
                sku: product.sku.clone(),
            })
        }
        Err(error) => Err(error.into()),
    }
}

/// Deletes a product and keeps its row.
pub(super) struct Delete {
    pub id: Uuid,
    pub precondition: Precondition,
}

#[async_trait]
impl Write for Delete {
    type Outcome = Revision;

    async fn run(&self, connection: &mut PgConnection) -> Result<Revision, CatalogError> {
        let Self { id, precondition } = self;
        let current = locked(connection, *id).await?;
        if !precondition.allows(current.revision()) {
            return Err(CatalogError::RevisionConflict {
                current: Box::new(current),
            });
        }
        let row = sqlx::query(DELETE)
            .bind(id)
            .fetch_one(&mut *connection)
            .await?;
        sqlx::query(ORPHAN_PICTURES)
            .bind(id)
            .execute(&mut *connection)
            .await?;
        let updated_at = Timestamp::from_datetime(row.try_get(1)?);
        let revision = Revision {
            version: row.try_get(0)?,
            updated_at,
        };
        append_postgres(
            connection,
            &[product_change(*id, revision.version, Kind::Deleted)],
        )
        .await?;
        Ok(revision)
    }
}

/// Makes or changes products by their SKU.
pub(super) struct Upsert {
    pub batch: Vec<Prepared>,
}

#[async_trait]
impl Write for Upsert {
    type Outcome = Vec<Upserted>;

    async fn run(&self, connection: &mut PgConnection) -> Result<Vec<Upserted>, CatalogError> {
        let batch = self.batch.as_slice();
        add_categories(connection, batch).await?;
        let rows = bind_batch(sqlx::query(UPSERT), batch)
            .fetch_all(&mut *connection)
            .await?;
        let mut changes: Vec<Change> = Vec::with_capacity(rows.len());
        let mut versions: HashMap<&str, i64> = HashMap::with_capacity(rows.len());
        for row in &rows {
            let (sku, id, version): (&str, Uuid, i64) =
                (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            let kind = if version == 1 {
                Kind::Created
            } else {
                Kind::Updated
            };
            changes.push(product_change(id, version, kind));
            versions.insert(sku, version);
        }
        if !changes.is_empty() {
            append_postgres(connection, &changes).await?;
        }
        let outcome = |new: &Prepared| match versions.get(new.product.sku.as_str()) {
            None => Upserted::Unchanged,
            Some(1) => Upserted::Created,
            Some(_) => Upserted::Updated,
        };
        Ok(batch.iter().map(outcome).collect())
    }
}

pub(super) async fn product(
    connection: &mut PgConnection,
    id: Uuid,
) -> Result<Product, CatalogError> {
    let found = sqlx::query(PRODUCT)
        .bind(id)
        .fetch_optional(connection)
        .await?;
    row::product(&found.ok_or(CatalogError::NotFound)?)
}

pub(super) async fn locked(
    connection: &mut PgConnection,
    id: Uuid,
) -> Result<Product, CatalogError> {
    let found = sqlx::query(PRODUCT_FOR_UPDATE)
        .bind(id)
        .fetch_optional(connection)
        .await?;
    row::product(&found.ok_or(CatalogError::NotFound)?)
}

async fn add_categories(
    connection: &mut PgConnection,
    batch: &[Prepared],
) -> Result<(), CatalogError> {
    let mut names: Vec<&str> = batch
        .iter()
        .map(|new| new.product.category.as_str())
        .collect();
    names.sort_unstable();
    names.dedup();
    sqlx::query(ADD_CATEGORIES)
        .bind(names)
        .execute(connection)
        .await?;
    Ok(())
}

/// Binds a column of the batch after the other, as `unnest` takes them.
fn bind_batch(query: Query, batch: &[Prepared]) -> Query {
    fn column<T>(batch: &[Prepared], of: impl Fn(&Prepared) -> T) -> Vec<T> {
        batch.iter().map(of).collect()
    }
    query
        .bind(column(batch, |new| new.id))
        .bind(column(batch, |new| new.product.sku.clone()))
        .bind(column(batch, |new| new.product.name.clone()))
        .bind(column(batch, |new| new.name_key.clone()))
        .bind(column(batch, |new| new.product.description.clone()))
        .bind(column(batch, |new| new.product.category.clone()))
        .bind(column(batch, |new| new.product.price.amount))
        .bind(column(batch, |new| new.product.price.currency.clone()))
        .bind(column(batch, |new| new.attributes.clone()))
        .bind(column(batch, |new| new.product.status.as_str().to_owned()))
        .bind(column(batch, |new| new.content_hash.to_vec()))
        .bind(column(batch, matching::lexemes))
}
