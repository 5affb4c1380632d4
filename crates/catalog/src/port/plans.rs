//! Which index serves which list, on tables large enough for a planner to mean it.

use std::collections::BTreeMap;

use serde_json::json;

use crate::model::{ProductInput, Status};
use crate::prepared::Prepared;
use crate::query::{Checked, ListQuery, Sort};
use crate::{Catalog, MIGRATIONS};
use stanchion_kernel::{Clock, Entropy, Ids};
use stanchion_store::{Store, StoreConfig};

const PRODUCTS: usize = 20_000;

/// A catalogue of [`PRODUCTS`] at `url`.
pub(crate) async fn filled(url: &str) -> (Store, Catalog) {
    let config = StoreConfig::new(url);
    let store = Store::open(config, Clock::system(), Entropy::system())
        .await
        .unwrap();
    store
        .migrate(&[stanchion_store::MIGRATIONS, MIGRATIONS])
        .await
        .unwrap();
    store.ready().await.unwrap();
    let catalog = Catalog::new(&store, Ids::new(Clock::system(), Entropy::system()));
    let all: Vec<Prepared> = (0..PRODUCTS).map(|n| catalog.prepare(product(n))).collect();
    for batch in all.chunks(2_000) {
        catalog.upsert_prepared(batch.to_vec()).await.unwrap();
    }
    (store, catalog)
}

fn product(n: usize) -> crate::NewProduct {
    let input: ProductInput = serde_json::from_value(json!({
        "sku": format!("S-{n}"),
        "name": format!("Thing {} of {}", n * 7_919 % PRODUCTS, n % 97),
        "description": format!("word{} word{}", n % 50, n % 1_000),
        "category": format!("category {}", n % 40),
        "price": {"amount": n * 31 % 10_000, "currency": "EUR"},
        "attributes": {"colour": format!("colour {}", n % 500)},
        "status": if n.is_multiple_of(5) { "active" } else { "archived" },
    }))
    .unwrap();
    input.check().unwrap()
}

fn list(sort: Sort) -> ListQuery {
    ListQuery {
        sort: Some(sort),
        statuses: vec![Status::Active],
        ..ListQuery::default()
    }
}

/// Lists that are read from the index of their order, each with the end of that index's name.
pub(crate) fn ordered() -> Vec<(Checked, &'static str)> {
    let in_category = |sort| ListQuery {
        category: Some("category 7".to_owned()),
        ..list(sort)
    };
    [
        (list(Sort::Newest), "products_newest"),
        (list(Sort::Name), "products_by_name"),
        (list(Sort::NameDescending), "products_by_name"),
        (list(Sort::Price), "products_by_price"),
        (list(Sort::PriceDescending), "products_by_price"),
        (in_category(Sort::Newest), "products_newest_in_category"),
        (in_category(Sort::Name), "products_by_name_in_category"),
        (
            in_category(Sort::PriceDescending),
            "products_by_price_in_category",
        ),
    ]
    .map(|(query, index)| (query.check().unwrap(), index))
    .into()
}

/// Lists that are read from the inverted index.
pub(crate) fn matched() -> Vec<Checked> {
    let colour = BTreeMap::from([("colour".to_owned(), "colour 3".to_owned())]);
    let search = |text: &str, sort| ListQuery {
        search: Some(text.to_owned()),
        ..list(sort)
    };
    [
        ListQuery {
            attributes: colour,
            ..list(Sort::Price)
        },
        search("word777", Sort::Newest),
        search("word777", Sort::Name),
        search("thing 7919", Sort::Relevance),
    ]
    .map(|query| query.check().unwrap())
    .into()
}
