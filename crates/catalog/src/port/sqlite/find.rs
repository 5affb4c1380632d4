use rusqlite::types::Value;
use rusqlite::{Connection, ToSql};
use stanchion_kernel::{Timestamp, Uuid};
use stanchion_store::{Rendered, Statement, StoreError};

use super::{matching, one, row};
use crate::CatalogError;
use crate::cursor::{Place, Row, SortKey};
use crate::model::{Category, Product, Revision, Status};
use crate::port::{Placed, RowState, merge, place};
use crate::query::{Checked, Sort};

const PRODUCT: &str = include_str!("product.sql");
const STATUS: &str = include_str!("status.sql");
const ROW_STATE: &str = include_str!("row_state.sql");
const CATEGORIES: &str = include_str!("categories.sql");

/// The statements that come in several forms.
#[derive(Debug)]
pub(crate) struct Statements {
    list: Statement,
    matches: Statement,
    gather: Statement,
    export: Statement,
}

pub(super) fn product(connection: &Connection, id: Uuid) -> Result<Option<Product>, CatalogError> {
    one(connection, PRODUCT, [id.as_bytes()], |found| {
        Ok(row::product(found)?.1)
    })
}

pub(super) fn products(
    connection: &Connection,
    ids: &[Uuid],
) -> Result<Vec<Product>, CatalogError> {
    // One transaction, so that the file's locks are taken once.
    let snapshot = connection.unchecked_transaction()?;
    let found = ids
        .iter()
        .filter_map(|id| product(&snapshot, *id).transpose());
    let found: Result<Vec<Product>, CatalogError> = found.collect();
    snapshot.finish()?;
    found
}

pub(super) fn statuses(
    connection: &Connection,
    skus: &[String],
) -> Result<Vec<Option<Status>>, CatalogError> {
    skus.iter()
        .map(|sku| {
            let found = one(connection, STATUS, [sku], |row| row.get::<_, String>(0))?;
            let parse = |status: String| {
                let parsed = status.parse();
                parsed.map_err(|()| CatalogError::Store(StoreError::Corrupt(status)))
            };
            found.map(parse).transpose()
        })
        .collect()
}

pub(super) fn row_state(
    connection: &Connection,
    id: Uuid,
) -> Result<Option<RowState>, CatalogError> {
    one(connection, ROW_STATE, [id.as_bytes()], |row| {
        let updated_at = Timestamp::from_micros(row.get(1)?);
        let revision = Revision {
            version: row.get(0)?,
            updated_at,
        };
        Ok(RowState {
            revision,
            deleted: row.get(2)?,
        })
    })
}

pub(super) fn categories(connection: &Connection) -> Result<Vec<Category>, CatalogError> {
    let mut statement = connection.prepare_cached(CATEGORIES)?;
    let rows = statement.query_map([], |row| {
        Ok(Category {
            name: row.get(0)?,
            created_at: Timestamp::from_micros(row.get(1)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

impl Statements {
    pub(super) fn new() -> Self {
        Self {
            list: Statement::new("product_list", include_str!("list.sql")),
            matches: Statement::new("product_matches", include_str!("matches.sql")),
            gather: Statement::new("product_gather", include_str!("gather.sql")),
            export: Statement::new("product_export", include_str!("export.sql")),
        }
    }

    /// A page: from the index of the order when nothing else is asked, from the full-text index otherwise.
    pub(super) fn list(
        &self,
        connection: &Connection,
        query: &Checked,
        after: Option<&Place>,
    ) -> Result<Vec<Placed>, CatalogError> {
        if query
            .search
            .as_ref()
            .is_some_and(crate::terms::Search::is_empty)
        {
            return Ok(Vec::new());
        }
        if query.search.is_none() && query.attributes.is_empty() {
            return self.walk(connection, query, after);
        }
        match query.sort {
            Sort::Relevance => self.by_tier(connection, query, after),
            Sort::Newest => {
                let expression = matching::expression(query, None);
                self.newest_matches(connection, query, &expression, after, 0)
            }
            _ => self.gather(connection, query, after),
        }
    }

    /// Each status has its own stretch of the index; their pages are merged.
    fn walk(
        &self,
        connection: &Connection,
        query: &Checked,
        after: Option<&Place>,
    ) -> Result<Vec<Placed>, CatalogError> {
        let mut features = vec![sort_feature(query.sort)];
        features.extend(query.category.as_ref().map(|_| "category"));
        features.extend(after.map(|_| "after"));
        let statement = self.list.sqlite(&features);
        let mut lists = Vec::new();
        for status in &query.statuses {
            let mut values = place_values(after);
            values.push((":status", Value::from(status.as_str().to_owned())));
            values.extend(
                query
                    .category
                    .clone()
                    .map(|name| (":category", Value::from(name))),
            );
            lists.push(run(connection, statement, query, values, 0)?);
        }
        Ok(merge(lists, query))
    }

    fn by_tier(
        &self,
        connection: &Connection,
        query: &Checked,
        after: Option<&Place>,
    ) -> Result<Vec<Placed>, CatalogError> {
        let from = match after.map(|place| &place.key) {
            Some(SortKey::Relevance(tier)) => *tier,
            _ => 0,
        };
        let mut found = Vec::new();
        for tier in from..matching::TIERS {
            if found.len() > query.limit as usize {
                break;
            }
            let expression = matching::expression(query, Some(tier));
            let after = after.filter(|_| tier == from);
            found.extend(self.newest_matches(connection, query, &expression, after, tier)?);
        }
        found.truncate(query.limit as usize + 1);
        Ok(found)
    }

    fn newest_matches(
        &self,
        connection: &Connection,
        query: &Checked,
        expression: &str,
        after: Option<&Place>,
        tier: u8,
    ) -> Result<Vec<Placed>, CatalogError> {
        let features: Vec<_> = after.map(|_| "after").into_iter().collect();
        let mut values = place_values(after);
        values.push((":match", Value::from(expression.to_owned())));
        run(
            connection,
            self.matches.sqlite(&features),
            query,
            values,
            tier,
        )
    }

    fn gather(
        &self,
        connection: &Connection,
        query: &Checked,
        after: Option<&Place>,
    ) -> Result<Vec<Placed>, CatalogError> {
        let mut features = vec![sort_feature(query.sort)];
        features.extend(after.map(|_| "after"));
        let mut values = place_values(after);
        values.push((":match", Value::from(matching::expression(query, None))));
        run(connection, self.gather.sqlite(&features), query, values, 0)
    }

    pub(super) fn export(
        &self,
        connection: &Connection,
        after: Option<&str>,
        statuses: &[Status],
        limit: u32,
    ) -> Result<Vec<Product>, CatalogError> {
        let features: Vec<_> = after.map(|_| "after").into_iter().collect();
        let mut statement = connection.prepare_cached(self.export.sqlite(&features).sql)?;
        let mut values = vec![(":limit", Value::from(limit))];
        for status in Status::ALL {
            let name = [":draft", ":active", ":archived"][status as usize];
            let wanted = statuses
                .contains(&status)
                .then(|| status.as_str().to_owned());
            values.push((name, wanted.map_or(Value::Null, Value::from)));
        }
        values.extend(after.map(|sku| (":after", Value::from(sku.to_owned()))));
        let params: Vec<(&str, &dyn ToSql)> = values
            .iter()
            .map(|(name, value)| (*name, value as &dyn ToSql))
            .collect();
        let rows = statement.query_map(params.as_slice(), |found| Ok(row::product(found)?.1))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn sort_feature(sort: Sort) -> &'static str {
    match sort {
        Sort::Name => "name",
        Sort::NameDescending => "-name",
        Sort::Price => "price",
        Sort::PriceDescending => "-price",
        Sort::Newest | Sort::Relevance => "newest",
    }
}

type Values = Vec<(&'static str, Value)>;

fn place_values(after: Option<&Place>) -> Values {
    let Some(Place { key, row }) = after else {
        return Vec::new();
    };
    let mut values = Vec::new();
    if let Row::Number(number) = row {
        values.push((":row", Value::from(*number)));
    }
    match key {
        SortKey::Name(name) => values.push((":name_key", Value::from(name.clone()))),
        SortKey::Price(currency, amount) => {
            values.push((":currency", Value::from(currency.clone())));
            values.push((":amount", Value::from(*amount)));
        }
        SortKey::Newest | SortKey::Relevance(_) => {}
    }
    values
}

/// Up to one product more than the limit, in order.
fn run(
    connection: &Connection,
    statement: Rendered,
    query: &Checked,
    mut values: Values,
    tier: u8,
) -> Result<Vec<Placed>, CatalogError> {
    values.push((":limit", Value::from(query.limit + 1)));
    let params: Vec<(&str, &dyn ToSql)> = values
        .iter()
        .map(|(name, value)| (*name, value as &dyn ToSql))
        .collect();
    let mut prepared = connection.prepare_cached(statement.sql)?;
    let rows = prepared.query_map(params.as_slice(), |found| {
        let (number, product) = row::product(found)?;
        let place = place(query, &product, Row::Number(number), tier);
        Ok(Placed { product, place })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::plans;
    use stanchion_store::Backend;

    /// The plan of a statement; unbound parameters do not change it.
    async fn plan(store: &stanchion_store::Store, sql: &'static str) -> String {
        let Backend::Sqlite(sqlite) = store.backend() else {
            panic!("SQLite")
        };
        let explain = move |connection: &Connection| -> Result<String, StoreError> {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
            let mut steps = statement.raw_query();
            let mut plan = String::new();
            while let Some(step) = steps.next()? {
                plan += &step.get::<_, String>(3)?;
                plan.push('\n');
            }
            Ok(plan)
        };
        sqlite.read("explain", explain).await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_list_is_read_from_the_index_that_serves_it() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("plans.db").display());
        let (store, _catalog) = plans::filled(&url).await;
        let statements = Statements::new();
        for (query, index) in plans::ordered() {
            for after in [&[][..], &["after"]] {
                let mut features = vec![sort_feature(query.sort)];
                features.extend(query.category.as_ref().map(|_| "category"));
                features.extend(after);
                let plan = plan(&store, statements.list.sqlite(&features).sql).await;
                let used = format!("SEARCH p USING INDEX stanchion_catalog_{index} (");
                assert!(plan.contains(&used), "{query:?}\n{plan}");
                assert!(
                    !plan.contains("FOR ORDER BY\n") && !plan.contains("SCAN p"),
                    "{plan}"
                );
            }
        }
        for statement in [&statements.matches, &statements.gather] {
            let plan = plan(&store, statement.sqlite(&["price", "after"]).sql).await;
            assert!(
                plan.contains("SCAN stanchion_catalog_terms VIRTUAL TABLE INDEX"),
                "{plan}"
            );
            assert!(
                !plan.contains("SCAN p") && !plan.contains("SCAN m"),
                "{plan}"
            );
        }
        let product = plan(&store, PRODUCT).await;
        assert!(
            product.contains("SEARCH p USING INDEX sqlite_autoindex"),
            "{product}"
        );
        assert!(
            product.contains("SEARCH i USING INDEX sqlite_autoindex"),
            "{product}"
        );
    }
}
