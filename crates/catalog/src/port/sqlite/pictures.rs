use rusqlite::{Connection, params};
use stanchion_kernel::{Timestamp, Uuid};
use stanchion_store::feed::Kind;

use super::{find, one, write};
use crate::CatalogError;
use crate::model::{AddedPicture, NewPicture, Picture, PictureState, Product, Rendition};
use crate::port::{picture_of, renditions_json};

const PENDING: &str = include_str!("pending_pictures.sql");
const ORPHANED: &str = include_str!("orphaned_pictures.sql");
const OF_CONTENT: &str = include_str!("picture_of_content.sql");
const ADD: &str = include_str!("add_picture.sql");
const PRODUCT_OF: &str = include_str!("product_of_picture.sql");
const SETTLE: &str = include_str!("settle_picture.sql");
const REMOVE: &str = include_str!("remove_picture.sql");
const FORGET: &str = include_str!("forget_picture.sql");
const TOUCH: &str = include_str!("touch.sql");

/// The product that has a picture, if it is not deleted.
pub(super) fn product(connection: &Connection, id: Uuid) -> Result<Option<Product>, CatalogError> {
    match owner(connection, id)? {
        Some(owner) => find::product(connection, owner.id),
        None => Ok(None),
    }
}

/// Pictures that are pending, in order.
pub(super) fn pending(
    connection: &Connection,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Uuid>, CatalogError> {
    let after = after.unwrap_or_default();
    ids(connection, PENDING, params![after.as_bytes(), limit])
}

/// Pictures whose product was deleted.
pub(super) fn orphaned(connection: &Connection, limit: u32) -> Result<Vec<Uuid>, CatalogError> {
    ids(connection, ORPHANED, [limit])
}

pub(super) fn add(
    connection: &Connection,
    now: Timestamp,
    new: &NewPicture,
) -> Result<AddedPicture, CatalogError> {
    let known = write::by_id(connection, new.product_id)?.ok_or(CatalogError::NotFound)?;
    let same = (known.number, new.content_hash);
    if let Some(id) = one(connection, OF_CONTENT, same, |row| row.get(0))? {
        let product = find::product(connection, known.id)?;
        return Ok(AddedPicture {
            id: Uuid::from_bytes(id),
            product: product.ok_or(CatalogError::NotFound)?,
        });
    }
    connection.prepare_cached(ADD)?.execute(params![
        new.id.as_bytes(),
        known.number,
        new.content_hash,
        new.media_type,
        new.bytes,
        new.width,
        new.height,
        now.as_micros(),
    ])?;
    let owner = Owner {
        number: known.number,
        id: known.id,
    };
    Ok(AddedPicture {
        id: new.id,
        product: touch(connection, now, &owner)?,
    })
}

/// There is one transaction that writes at a time: in it, what was read stays.
pub(super) fn locked(connection: &Connection, id: Uuid) -> Result<Picture, CatalogError> {
    let product = product(connection, id)?.ok_or(CatalogError::NotFound)?;
    picture_of(product, id)
}

pub(super) fn settle(
    connection: &Connection,
    now: Timestamp,
    id: Uuid,
    state: PictureState,
    renditions: &[Rendition],
) -> Result<Product, CatalogError> {
    let owner = owner(connection, id)?.ok_or(CatalogError::NotFound)?;
    let row = (id.as_bytes(), state.as_str(), renditions_json(renditions)?);
    connection.prepare_cached(SETTLE)?.execute(row)?;
    touch(connection, now, &owner)
}

pub(super) fn remove(
    connection: &Connection,
    now: Timestamp,
    id: Uuid,
) -> Result<Product, CatalogError> {
    let owner = owner(connection, id)?.ok_or(CatalogError::NotFound)?;
    connection
        .prepare_cached(REMOVE)?
        .execute([id.as_bytes()])?;
    touch(connection, now, &owner)
}

/// Removes the record of a picture without a product.
pub(super) fn forget(connection: &Connection, id: Uuid) -> Result<(), CatalogError> {
    connection
        .prepare_cached(FORGET)?
        .execute([id.as_bytes()])?;
    Ok(())
}

/// The product of a picture.
struct Owner {
    number: i64,
    id: Uuid,
}

/// The product of a picture, unless it is deleted.
fn owner(connection: &Connection, id: Uuid) -> Result<Option<Owner>, CatalogError> {
    one(connection, PRODUCT_OF, [id.as_bytes()], |row| {
        Ok(Owner {
            number: row.get(0)?,
            id: Uuid::from_bytes(row.get(1)?),
        })
    })
}

fn ids(
    connection: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<Uuid>, CatalogError> {
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_map(params, |row| row.get(0).map(Uuid::from_bytes))?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// Gives the product a new version, since its pictures are part of it.
fn touch(connection: &Connection, now: Timestamp, owner: &Owner) -> Result<Product, CatalogError> {
    let touched = (owner.number, now.as_micros());
    let version: i64 = connection
        .prepare_cached(TOUCH)?
        .query_row(touched, |row| row.get(0))?;
    write::announce(connection, now, owner.id, version, Kind::Updated)?;
    find::product(connection, owner.id)?.ok_or(CatalogError::NotFound)
}
