use sqlx::Row as _;
use sqlx::postgres::PgArguments;
use stanchion_kernel::{Timestamp, Uuid};
use stanchion_store::{Postgres, Rendered, Statement, StoreError};

use super::common_searches::CommonSearches;
use super::{matching, row};
use crate::CatalogError;
use crate::cursor::{Place, Row, SortKey};
use crate::model::{Category, Product, Revision, Status};
use crate::port::{Placed, RowState, merge, place};
use crate::query::{Checked, Sort};

const PRODUCT: &str = include_str!("product.sql");
const PRODUCTS: &str = include_str!("products.sql");
const STATUSES: &str = include_str!("statuses.sql");
const ROW_STATE: &str = include_str!("row_state.sql");
const CATEGORIES: &str = include_str!("categories.sql");

/// Matches that are collected before they are ordered; some milliseconds' worth.
const MOST_MATCHES: i64 = 2_000;

type Query = sqlx::query::Query<'static, sqlx::Postgres, PgArguments>;

/// The statements that come in several forms.
#[derive(Debug)]
pub(crate) struct Statements {
    list: Statement,
    matches: Statement,
    common: CommonSearches,
    export: Statement,
}

pub(super) async fn product(
    postgres: &Postgres,
    id: Uuid,
) -> Result<Option<Product>, CatalogError> {
    let find = sqlx::query(PRODUCT)
        .bind(id)
        .fetch_optional(postgres.pool());
    let found = postgres.timed("product_get", find).await?;
    found.as_ref().map(row::product).transpose()
}

pub(super) async fn products(
    postgres: &Postgres,
    ids: &[Uuid],
) -> Result<Vec<Product>, CatalogError> {
    let find = sqlx::query(PRODUCTS).bind(ids).fetch_all(postgres.pool());
    let found = postgres.timed("product_get_many", find).await?;
    found.iter().map(row::product).collect()
}

pub(super) async fn statuses(
    postgres: &Postgres,
    skus: &[&str],
) -> Result<Vec<Option<Status>>, CatalogError> {
    let find = sqlx::query_as(STATUSES)
        .bind(skus)
        .fetch_all(postgres.pool());
    let found: Vec<(String, String)> = postgres.timed("product_statuses", find).await?;
    let status_of = |sku: &&str| {
        let status = found.iter().find(|(known, _)| known == sku);
        let parse = |(_, status): &(String, String)| {
            status
                .parse()
                .map_err(|()| CatalogError::Store(StoreError::Corrupt(status.clone())))
        };
        status.map(parse).transpose()
    };
    skus.iter().map(status_of).collect()
}

pub(super) async fn row_state(
    postgres: &Postgres,
    id: Uuid,
) -> Result<Option<RowState>, CatalogError> {
    let find = sqlx::query(ROW_STATE)
        .bind(id)
        .fetch_optional(postgres.pool());
    let Some(row) = postgres.timed("product_row_state", find).await? else {
        return Ok(None);
    };
    let updated_at = Timestamp::from_datetime(row.try_get(1)?);
    let revision = Revision {
        version: row.try_get(0)?,
        updated_at,
    };
    Ok(Some(RowState {
        revision,
        deleted: row.try_get(2)?,
    }))
}

pub(super) async fn categories(postgres: &Postgres) -> Result<Vec<Category>, CatalogError> {
    let find = sqlx::query(CATEGORIES).fetch_all(postgres.pool());
    let rows = postgres.timed("category_list", find).await?;
    rows.iter()
        .map(|row| {
            let created_at = Timestamp::from_datetime(row.try_get(1)?);
            Ok(Category {
                name: row.try_get(0)?,
                created_at,
            })
        })
        .collect()
}

impl Statements {
    pub(super) fn new() -> Self {
        Self {
            list: Statement::new("product_list", include_str!("list.sql")),
            matches: Statement::new("product_matches", include_str!("matches.sql")),
            common: CommonSearches::default(),
            export: Statement::new("product_export", include_str!("export.sql")),
        }
    }

    pub(super) async fn list(
        &self,
        postgres: &Postgres,
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
        if query.sort != Sort::Relevance {
            let terms = matching::expression(query, None);
            return self
                .of_tier(postgres, query, terms.as_deref(), after, 0)
                .await;
        }
        let from = match after.map(|place| &place.key) {
            Some(SortKey::Relevance(tier)) => *tier,
            _ => 0,
        };
        let mut found = Vec::new();
        for tier in from..matching::TIERS {
            if found.len() > query.limit as usize {
                break;
            }
            let terms = matching::expression(query, Some(tier));
            let after = after.filter(|_| tier == from);
            found.extend(
                self.of_tier(postgres, query, terms.as_deref(), after, tier)
                    .await?,
            );
        }
        found.truncate(query.limit as usize + 1);
        Ok(found)
    }

    /// Each status has its own stretch of the index; their pages are merged.
    async fn of_tier(
        &self,
        postgres: &Postgres,
        query: &Checked,
        terms: Option<&str>,
        after: Option<&Place>,
        tier: u8,
    ) -> Result<Vec<Placed>, CatalogError> {
        let mut features = vec![sort_feature(query.sort)];
        features.extend(query.category.as_ref().map(|_| "category"));
        features.extend(terms.map(|_| "terms"));
        features.extend(after.map(|_| "after"));
        let mut lists = Vec::new();
        for status in &query.statuses {
            let bind = Bind {
                query,
                status: *status,
                terms,
                after,
            };
            let products = self.page(postgres, &bind, &features).await?;
            let placed = products.into_iter().map(|product| {
                let place = place(query, &product, Row::Id(product.id), tier);
                Placed { product, place }
            });
            lists.push(placed.collect());
        }
        Ok(merge(lists, query))
    }

    /// A page of one status, in any order. What matches terms is found by them, unless they are too common.
    async fn page(
        &self,
        postgres: &Postgres,
        bind: &Bind<'_>,
        features: &[&'static str],
    ) -> Result<Vec<Product>, CatalogError> {
        let search = (bind.terms, bind.status.as_str());
        // Behind a cursor there may be few matches though there are many in all.
        let is_common = || bind.after.is_none() && self.common.knows(&search);
        if bind.terms.is_some() && !is_common() {
            let query = bind.query(self.matches.postgres(features));
            let matches = query.fetch_one(postgres.pool());
            let matches = postgres.timed("product_search", matches).await?;
            if matches.try_get("complete")? {
                let ids: Vec<Uuid> = matches.try_get("ids")?;
                return products(postgres, &ids).await;
            }
            if bind.after.is_none() {
                self.common.remember(&search);
            }
        }
        let statement = self.list.postgres(features);
        let rows = bind.query(statement).fetch_all(postgres.pool());
        let rows = postgres.timed(statement.name, rows).await?;
        rows.iter().map(row::product).collect()
    }

    pub(super) async fn export(
        &self,
        postgres: &Postgres,
        after: Option<String>,
        statuses: &[Status],
        limit: u32,
    ) -> Result<Vec<Product>, CatalogError> {
        let features: Vec<_> = after.as_ref().map(|_| "after").into_iter().collect();
        let statement = self.export.postgres(&features);
        let statuses: Vec<String> = statuses.iter().map(ToString::to_string).collect();
        let mut query = sqlx::query(statement.sql).bind(statuses);
        if let Some(after) = after {
            query = query.bind(after);
        }
        let rows = query.bind(i64::from(limit)).fetch_all(postgres.pool());
        postgres
            .timed(statement.name, rows)
            .await?
            .iter()
            .map(row::product)
            .collect()
    }
}

/// The values of a list statement.
struct Bind<'a> {
    query: &'a Checked,
    status: Status,
    terms: Option<&'a str>,
    after: Option<&'a Place>,
}

impl Bind<'_> {
    fn query(&self, statement: Rendered) -> Query {
        // Which plan is best depends on how common the terms are, so that one is planned anew each time.
        let query = sqlx::query(statement.sql).persistent(self.terms.is_none());
        statement
            .parameters
            .iter()
            .fold(query, |query, name| self.bind(query, name))
    }

    fn bind(&self, query: Query, name: &str) -> Query {
        match (name, self.after.map(|place| (&place.key, place.row))) {
            ("status", _) => query.bind(self.status.as_str()),
            ("category", _) => query.bind(self.query.category.clone()),
            ("terms", _) => query.bind(self.terms.map(str::to_owned)),
            ("row", Some((_, Row::Id(id)))) => query.bind(id),
            ("name_key", Some((SortKey::Name(key), _))) => query.bind(key.clone()),
            ("currency", Some((SortKey::Price(currency, _), _))) => query.bind(currency.clone()),
            ("amount", Some((SortKey::Price(_, amount), _))) => query.bind(*amount),
            ("most", _) => query.bind(MOST_MATCHES),
            ("limit", _) => query.bind(i64::from(self.query.limit) + 1),
            // A cursor made on the other kind of database; it leads nowhere and matches nothing.
            _ => query.bind(Option::<String>::None),
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::plans;
    use stanchion_store::Backend;
    use stanchion_testkit::Postgres as Server;

    async fn plan(postgres: &Postgres, statements: &Statements, query: &Checked) -> String {
        let terms = matching::expression(query, None);
        let mut features = vec![sort_feature(query.sort)];
        features.extend(query.category.as_ref().map(|_| "category"));
        features.extend(terms.as_ref().map(|_| "terms"));
        let list = match terms {
            Some(_) => statements.matches.postgres(&features),
            None => statements.list.postgres(&features),
        };
        let explained = Rendered {
            sql: format!("EXPLAIN {}", list.sql).leak(),
            ..list
        };
        let bind = Bind {
            query,
            status: Status::Active,
            terms: terms.as_deref(),
            after: None,
        };
        let lines = bind
            .query(explained)
            .fetch_all(postgres.pool())
            .await
            .unwrap();
        lines
            .iter()
            .map(|line| line.get::<String, _>(0) + "\n")
            .collect()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_list_is_read_from_the_index_that_serves_it() {
        let database = Server::shared().await.empty_database().await;
        let (store, _catalog) = plans::filled(database.url()).await;
        database.psql("VACUUM ANALYZE").await;
        let Backend::Postgres(postgres) = store.backend() else {
            panic!("PostgreSQL")
        };
        let statements = Statements::new();
        for (query, index) in plans::ordered() {
            let plan = plan(postgres, &statements, &query).await;
            // The newest of all are the primary key's last ones; both indexes give them without a sort.
            let by_id = query.sort == Sort::Newest && plan.contains("Backward using products_pkey");
            assert!(
                by_id || plan.contains(&format!("using {index} ")),
                "{query:?}\n{plan}"
            );
            assert!(
                !plan.contains("Sort") && !plan.contains("Seq Scan on products"),
                "{plan}"
            );
        }
        for query in plans::matched() {
            let plan = plan(postgres, &statements, &query).await;
            assert!(plan.contains("products_by_terms"), "{query:?}\n{plan}");
        }
    }
}
