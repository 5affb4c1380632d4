use rusqlite::{Connection, params};
use stanchion_kernel::{Timestamp, Uuid};
use stanchion_store::feed::Kind;

use super::{find, one, write};
use crate::CatalogError;
use crate::model::{NewPicture, PictureState, Product, Rendition};
use crate::port::renditions_json;

const ADD: &str = include_str!("add_picture.sql");
const SETTLE: &str = include_str!("settle_picture.sql");
const REMOVE: &str = include_str!("remove_picture.sql");
const TOUCH: &str = include_str!("touch.sql");
const ID_OF: &str = include_str!("id_of.sql");

pub(super) fn add(
    connection: &Connection,
    now: Timestamp,
    new: &NewPicture,
) -> Result<Product, CatalogError> {
    let product = write::by_id(connection, new.product_id)?.ok_or(CatalogError::NotFound)?;
    connection.prepare_cached(ADD)?.execute(params![
        new.id.as_bytes(),
        product.number,
        new.content_hash,
        new.media_type,
        new.bytes,
        new.width,
        new.height,
        now.as_micros(),
    ])?;
    touch(connection, now, product.number)
}

pub(super) fn settle(
    connection: &Connection,
    now: Timestamp,
    id: Uuid,
    state: PictureState,
    renditions: &[Rendition],
) -> Result<Product, CatalogError> {
    let row = (id.as_bytes(), state.as_str(), renditions_json(renditions)?);
    let product = one(connection, SETTLE, row, |row| row.get(0))?.ok_or(CatalogError::NotFound)?;
    touch(connection, now, product)
}

pub(super) fn remove(
    connection: &Connection,
    now: Timestamp,
    id: Uuid,
) -> Result<Product, CatalogError> {
    let product = one(connection, REMOVE, [id.as_bytes()], |row| row.get(0))?;
    touch(connection, now, product.ok_or(CatalogError::NotFound)?)
}

/// Gives the product a new version, since its pictures are part of it.
fn touch(connection: &Connection, now: Timestamp, number: i64) -> Result<Product, CatalogError> {
    let id: [u8; 16] =
        one(connection, ID_OF, [number], |row| row.get(0))?.ok_or(CatalogError::NotFound)?;
    let id = Uuid::from_bytes(id);
    let touched = (number, now.as_micros());
    let version: i64 = connection
        .prepare_cached(TOUCH)?
        .query_row(touched, |row| row.get(0))?;
    write::announce(connection, now, id, version, Kind::Updated)?;
    find::product(connection, id)?.ok_or(CatalogError::NotFound)
}
