use async_trait::async_trait;
use sqlx::PgConnection;
use stanchion_kernel::Uuid;
use stanchion_store::Postgres;
use stanchion_store::feed::{Kind, append_postgres};

use super::{Write, write};
use crate::CatalogError;
use crate::model::{AddedPicture, NewPicture, Picture, PictureState, Product, Rendition};
use crate::port::{picture_of, product_change, renditions_json};

const PENDING: &str = include_str!("pending_pictures.sql");
const ORPHANED: &str = include_str!("orphaned_pictures.sql");
const OF_CONTENT: &str = include_str!("picture_of_content.sql");
const ADD: &str = include_str!("add_picture.sql");
const PRODUCT_OF: &str = include_str!("product_of_picture.sql");
const SETTLE: &str = include_str!("settle_picture.sql");
const REMOVE: &str = include_str!("remove_picture.sql");
const FORGET: &str = include_str!("forget_picture.sql");
const TOUCH: &str = include_str!("touch.sql");

/// Which product has a picture, or had it.
pub(super) async fn product_of(
    postgres: &Postgres,
    id: Uuid,
) -> Result<Option<Uuid>, CatalogError> {
    let found = sqlx::query_scalar(PRODUCT_OF).bind(id);
    let found = found.fetch_optional(postgres.pool());
    Ok(postgres.timed("picture_product", found).await?)
}

/// Pictures that are pending, in order.
pub(super) async fn pending(
    postgres: &Postgres,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Uuid>, CatalogError> {
    let found = sqlx::query_scalar(PENDING)
        .bind(after.unwrap_or_default())
        .bind(i64::from(limit));
    let found = found.fetch_all(postgres.pool());
    Ok(postgres.timed("picture_pending", found).await?)
}

/// Pictures whose product was deleted.
pub(super) async fn orphaned(postgres: &Postgres, limit: u32) -> Result<Vec<Uuid>, CatalogError> {
    let found = sqlx::query_scalar(ORPHANED).bind(i64::from(limit));
    let found = found.fetch_all(postgres.pool());
    Ok(postgres.timed("picture_orphaned", found).await?)
}

/// Records a picture behind the product's other ones.
pub(super) struct Add {
    pub new: NewPicture,
}

#[async_trait]
impl Write for Add {
    type Outcome = AddedPicture;

    async fn run(&self, connection: &mut PgConnection) -> Result<AddedPicture, CatalogError> {
        let Self { new } = self;
        // The product's row lock makes the next free position safe.
        let product = write::locked(connection, new.product_id).await?;
        let same: Option<Uuid> = sqlx::query_scalar(OF_CONTENT)
            .bind(new.product_id)
            .bind(new.content_hash.as_slice())
            .fetch_optional(&mut *connection)
            .await?;
        if let Some(id) = same {
            return Ok(AddedPicture { id, product });
        }
        sqlx::query(ADD)
            .bind(new.id)
            .bind(new.product_id)
            .bind(new.content_hash.as_slice())
            .bind(&new.media_type)
            .bind(new.bytes)
            .bind(new.width)
            .bind(new.height)
            .execute(&mut *connection)
            .await?;
        let product = touch(connection, new.product_id).await?;
        Ok(AddedPicture {
            id: new.id,
            product,
        })
    }
}

/// Locks a picture, by its product.
pub(super) struct Lock {
    pub id: Uuid,
}

#[async_trait]
impl Write for Lock {
    type Outcome = Picture;

    async fn run(&self, connection: &mut PgConnection) -> Result<Picture, CatalogError> {
        let product = lock_product_of(connection, self.id).await?;
        picture_of(write::product(connection, product).await?, self.id)
    }
}

/// Records what became of a picture.
pub(super) struct Settle {
    pub id: Uuid,
    pub state: PictureState,
    pub renditions: Vec<Rendition>,
}

#[async_trait]
impl Write for Settle {
    type Outcome = Product;

    async fn run(&self, connection: &mut PgConnection) -> Result<Product, CatalogError> {
        let product = lock_product_of(connection, self.id).await?;
        let settled = sqlx::query(SETTLE)
            .bind(self.id)
            .bind(self.state.as_str())
            .bind(renditions_json(&self.renditions)?)
            .execute(&mut *connection)
            .await?;
        if settled.rows_affected() == 0 {
            return Err(CatalogError::NotFound);
        }
        touch(connection, product).await
    }
}

/// Removes a picture's record.
pub(super) struct Remove {
    pub id: Uuid,
}

#[async_trait]
impl Write for Remove {
    type Outcome = Product;

    async fn run(&self, connection: &mut PgConnection) -> Result<Product, CatalogError> {
        let product = lock_product_of(connection, self.id).await?;
        let removed = sqlx::query(REMOVE)
            .bind(self.id)
            .execute(&mut *connection)
            .await?;
        if removed.rows_affected() == 0 {
            return Err(CatalogError::NotFound);
        }
        touch(connection, product).await
    }
}

/// Removes the record of a picture without a product.
pub(super) struct Forget {
    pub id: Uuid,
}

#[async_trait]
impl Write for Forget {
    type Outcome = ();

    async fn run(&self, connection: &mut PgConnection) -> Result<(), CatalogError> {
        sqlx::query(FORGET)
            .bind(self.id)
            .execute(connection)
            .await?;
        Ok(())
    }
}

/// Products are locked before their pictures, everywhere, so that nobody deadlocks.
async fn lock_product_of(connection: &mut PgConnection, id: Uuid) -> Result<Uuid, CatalogError> {
    let product: Option<Uuid> = sqlx::query_scalar(PRODUCT_OF)
        .bind(id)
        .fetch_optional(&mut *connection)
        .await?;
    let product = product.ok_or(CatalogError::NotFound)?;
    write::locked(connection, product).await?;
    Ok(product)
}

/// Gives the product a new version, since its pictures are part of it.
async fn touch(connection: &mut PgConnection, id: Uuid) -> Result<Product, CatalogError> {
    let version: i64 = sqlx::query_scalar(TOUCH)
        .bind(id)
        .fetch_one(&mut *connection)
        .await?;
    append_postgres(connection, &[product_change(id, version, Kind::Updated)]).await?;
    write::product(connection, id).await
}

#[cfg(test)]
mod tests {
    use stanchion_testkit::Postgres as Server;

    use super::*;
    use crate::port::plans;
    use crate::port::postgres::write::ORPHAN_PICTURES;

    const FILL: &str = "
    INSERT INTO stanchion_catalog.pictures (
        id, product_id, position, state, content_hash, media_type, bytes, width, height, renditions
    )
    SELECT gen_random_uuid(), p.id, n, CASE WHEN random() < 0.01 THEN 'pending' ELSE 'ready' END,
        sha256(n::text::bytea), 'image/png', 1, 1, 1, '[]'
    FROM stanchion_catalog.products AS p, generate_series(0, 2) AS n
    ";

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_statement_about_pictures_is_served_by_an_index() {
        let database = Server::shared().await.empty_database().await;
        plans::filled(database.url()).await;
        database.psql(FILL).await;
        database.psql("VACUUM ANALYZE").await;
        let statements = [
            (PENDING, "pictures_unsettled"),
            (ORPHANED, "pictures_unsettled"),
            (OF_CONTENT, "pictures_product_id_content_hash_key"),
            (ADD, "pictures_product_id_position_key"),
            (PRODUCT_OF, "pictures_pkey"),
            (SETTLE, "pictures_pkey"),
            (REMOVE, "pictures_pkey"),
            (FORGET, "pictures_unsettled"),
            (TOUCH, "products_pkey"),
            (ORPHAN_PICTURES, "pictures_product_id_"),
        ];
        database
            .is_served(&statements, &["pictures", "pictures_pkey", "products"])
            .await;
    }
}
