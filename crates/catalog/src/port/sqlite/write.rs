use std::collections::BTreeSet;

use rusqlite::{Connection, params};
use stanchion_kernel::{Timestamp, Uuid};
use stanchion_store::feed::{Kind, append_sqlite};

use super::one;
use crate::CatalogError;
use crate::model::Revision;
use crate::port::{Upserted, product_change};
use crate::prepared::Prepared;
use crate::terms::{category_tag, status_tag};

const BY_SKU: &str = include_str!("by_sku.sql");
const BY_ID: &str = include_str!("by_id.sql");
const INSERT: &str = include_str!("insert.sql");
const REPLACE: &str = include_str!("replace.sql");
const DELETE: &str = include_str!("delete.sql");
const INDEX: &str = include_str!("index.sql");
const UNINDEX: &str = include_str!("unindex.sql");
const ADD_CATEGORY: &str = include_str!("add_category.sql");

/// What a write needs to know of a row.
pub(super) struct Known {
    pub number: i64,
    pub id: Uuid,
    version: i64,
    content_hash: [u8; 16],
}

pub(super) fn by_sku(connection: &Connection, sku: &str) -> Result<Option<Known>, CatalogError> {
    one(connection, BY_SKU, [sku], known)
}

pub(super) fn by_id(connection: &Connection, id: Uuid) -> Result<Option<Known>, CatalogError> {
    one(connection, BY_ID, [id.as_bytes()], known)
}

fn known(row: &rusqlite::Row<'_>) -> rusqlite::Result<Known> {
    Ok(Known {
        number: row.get(0)?,
        id: Uuid::from_bytes(row.get(1)?),
        version: row.get(2)?,
        content_hash: row.get(3)?,
    })
}

pub(super) fn upsert(
    connection: &Connection,
    now: Timestamp,
    new: &Prepared,
) -> Result<Upserted, CatalogError> {
    match by_sku(connection, &new.product.sku)? {
        None => insert(connection, now, new).map(|()| Upserted::Created),
        Some(current) if current.content_hash == new.content_hash => Ok(Upserted::Unchanged),
        Some(current) => replace(connection, now, &current, new).map(|()| Upserted::Updated),
    }
}

pub(super) fn insert(
    connection: &Connection,
    now: Timestamp,
    new: &Prepared,
) -> Result<(), CatalogError> {
    let product = &new.product;
    connection.prepare_cached(INSERT)?.execute(params![
        new.id.as_bytes(),
        product.sku,
        product.name,
        new.name_key,
        product.description,
        product.category,
        product.price.amount,
        product.price.currency,
        new.attributes,
        product.status.as_str(),
        new.content_hash,
        now.as_micros(),
    ])?;
    index(connection, connection.last_insert_rowid(), new)?;
    announce(connection, now, new.id, 1, Kind::Created)
}

/// Replaces the row with the id that `new` carries, unless its content is the same.
pub(super) fn replace_by_id(
    connection: &Connection,
    now: Timestamp,
    new: &Prepared,
) -> Result<(), CatalogError> {
    let current = by_id(connection, new.id)?.ok_or(CatalogError::NotFound)?;
    if current.content_hash == new.content_hash {
        return Ok(());
    }
    replace(connection, now, &current, new)
}

fn replace(
    connection: &Connection,
    now: Timestamp,
    current: &Known,
    new: &Prepared,
) -> Result<(), CatalogError> {
    let product = &new.product;
    connection.prepare_cached(REPLACE)?.execute(params![
        current.number,
        product.sku,
        product.name,
        new.name_key,
        product.description,
        product.category,
        product.price.amount,
        product.price.currency,
        new.attributes,
        product.status.as_str(),
        new.content_hash,
        now.as_micros(),
    ])?;
    connection
        .prepare_cached(UNINDEX)?
        .execute([current.number])?;
    index(connection, current.number, new)?;
    announce(
        connection,
        now,
        current.id,
        current.version + 1,
        Kind::Updated,
    )
}

pub(super) fn delete(
    connection: &Connection,
    now: Timestamp,
    id: Uuid,
) -> Result<Revision, CatalogError> {
    let current = by_id(connection, id)?.ok_or(CatalogError::NotFound)?;
    let revision =
        connection
            .prepare_cached(DELETE)?
            .query_row((current.number, now.as_micros()), |row| {
                Ok(Revision {
                    version: row.get(0)?,
                    updated_at: Timestamp::from_micros(row.get(1)?),
                })
            })?;
    connection
        .prepare_cached(UNINDEX)?
        .execute([current.number])?;
    announce(connection, now, id, revision.version, Kind::Deleted)?;
    Ok(revision)
}

pub(super) fn announce(
    connection: &Connection,
    now: Timestamp,
    id: Uuid,
    version: i64,
    kind: Kind,
) -> Result<(), CatalogError> {
    Ok(append_sqlite(
        connection,
        now,
        &[product_change(id, version, kind)],
    )?)
}

/// Makes the categories of a batch that are not there yet.
pub(super) fn add_categories(
    connection: &Connection,
    now: Timestamp,
    batch: &[Prepared],
) -> Result<(), CatalogError> {
    let names: BTreeSet<&str> = batch
        .iter()
        .map(|new| new.product.category.as_str())
        .collect();
    let mut statement = connection.prepare_cached(ADD_CATEGORY)?;
    for name in names {
        statement.execute((name, now.as_micros()))?;
    }
    Ok(())
}

fn index(connection: &Connection, number: i64, new: &Prepared) -> Result<(), CatalogError> {
    let mut tags = join(&new.terms.tags);
    for tag in [
        category_tag(&new.product.category),
        status_tag(new.product.status),
    ] {
        tags.push(' ');
        tags.push_str(&tag);
    }
    let row = (number, join(&new.terms.name), join(&new.terms.body), tags);
    connection.prepare_cached(INDEX)?.execute(row)?;
    Ok(())
}

fn join(terms: &BTreeSet<String>) -> String {
    let mut text = String::with_capacity(terms.len() * 8);
    for term in terms {
        text.push_str(term);
        text.push(' ');
    }
    text
}
