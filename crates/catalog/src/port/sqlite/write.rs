use std::collections::BTreeSet;

use rusqlite::{Connection, params};
use stanchion_kernel::{Timestamp, Uuid};
use stanchion_store::feed::{Kind, append_sqlite};

use super::one;
use crate::CatalogError;
use crate::model::Revision;
use crate::port::{Upserted, product_change};
use crate::prepared::Prepared;
use crate::terms::{Terms, category_tag, status_tag};

const BY_SKU: &str = include_str!("by_sku.sql");
const BY_ID: &str = include_str!("by_id.sql");
const INSERT: &str = include_str!("insert.sql");
const REPLACE: &str = include_str!("replace.sql");
const DELETE: &str = include_str!("delete.sql");
const ORPHAN_PICTURES: &str = include_str!("orphan_pictures.sql");
const INDEX: &str = include_str!("index.sql");
const UNINDEX: &str = include_str!("unindex.sql");
const ADD_CATEGORY: &str = include_str!("add_category.sql");

/// A product with what the full-text index is given of it. It is made before the one writer thread takes it over.
pub(super) struct Entry {
    pub new: Prepared,
    name: String,
    body: String,
    tags: String,
}

impl From<Prepared> for Entry {
    fn from(mut new: Prepared) -> Self {
        let Terms { name, body, tags } = std::mem::take(&mut new.terms);
        let mut tags = join(&tags);
        for tag in [
            category_tag(&new.product.category),
            status_tag(new.product.status),
        ] {
            tags.push(' ');
            tags.push_str(&tag);
        }
        Self {
            new,
            name: join(&name),
            body: join(&body),
            tags,
        }
    }
}

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
    entry: &Entry,
) -> Result<Upserted, CatalogError> {
    match by_sku(connection, &entry.new.product.sku)? {
        None => insert(connection, now, entry).map(|()| Upserted::Created),
        Some(current) if current.content_hash == entry.new.content_hash => Ok(Upserted::Unchanged),
        Some(current) => replace(connection, now, &current, entry).map(|()| Upserted::Updated),
    }
}

pub(super) fn insert(
    connection: &Connection,
    now: Timestamp,
    entry: &Entry,
) -> Result<(), CatalogError> {
    let (new, product) = (&entry.new, &entry.new.product);
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
    index(connection, connection.last_insert_rowid(), entry)?;
    announce(connection, now, new.id, 1, Kind::Created)
}

/// Replaces the row with the id that the entry carries, unless its content is the same.
pub(super) fn replace_by_id(
    connection: &Connection,
    now: Timestamp,
    entry: &Entry,
) -> Result<(), CatalogError> {
    let current = by_id(connection, entry.new.id)?.ok_or(CatalogError::NotFound)?;
    if current.content_hash == entry.new.content_hash {
        return Ok(());
    }
    replace(connection, now, &current, entry)
}

fn replace(
    connection: &Connection,
    now: Timestamp,
    current: &Known,
    entry: &Entry,
) -> Result<(), CatalogError> {
    let (new, product) = (&entry.new, &entry.new.product);
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
    index(connection, current.number, entry)?;
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
    connection
        .prepare_cached(ORPHAN_PICTURES)?
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
    batch: &[Entry],
) -> Result<(), CatalogError> {
    let names: BTreeSet<&str> = batch
        .iter()
        .map(|entry| entry.new.product.category.as_str())
        .collect();
    let mut statement = connection.prepare_cached(ADD_CATEGORY)?;
    for name in names {
        statement.execute((name, now.as_micros()))?;
    }
    Ok(())
}

fn index(connection: &Connection, number: i64, entry: &Entry) -> Result<(), CatalogError> {
    let row = (number, &entry.name, &entry.body, &entry.tags);
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
