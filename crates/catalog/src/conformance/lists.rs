use super::{Subject, active, product, product_with};
use crate::CatalogError;
use crate::model::{AttributeValue, Scalar, Status};
use crate::port::Precondition;
use crate::query::{ListQuery, Sort};

fn sorted(sort: Sort, limit: u32) -> ListQuery {
    ListQuery {
        sort: Some(sort),
        limit: Some(limit),
        ..active()
    }
}

pub(super) async fn pages_give_every_product_once_in_order(subject: Subject) {
    let names = ["delta", "Álpha", "charlie", "Bravo", "echo"];
    for (n, name) in names.iter().enumerate() {
        let new = product_with(&format!("S-{n}"), name, |input| {
            input.price.amount = [300, 200, 200, 100, 50][n];
            input.price.currency = if n == 4 { "USD" } else { "EUR" }.to_owned();
        });
        subject.create(new).await;
    }
    for (sort, expected) in [
        (Sort::Name, ["S-1", "S-3", "S-2", "S-0", "S-4"]),
        (Sort::NameDescending, ["S-4", "S-0", "S-2", "S-3", "S-1"]),
        (Sort::Price, ["S-3", "S-1", "S-2", "S-0", "S-4"]),
        (Sort::PriceDescending, ["S-4", "S-0", "S-2", "S-1", "S-3"]),
        (Sort::Newest, ["S-4", "S-3", "S-2", "S-1", "S-0"]),
    ] {
        for limit in [1, 2, 5, 200] {
            assert_eq!(
                subject.skus(&sorted(sort, limit)).await,
                expected,
                "{sort:?} by {limit}"
            );
        }
    }
}

pub(super) async fn equal_sort_keys_lose_nothing_between_pages(subject: Subject) {
    for n in 0..20 {
        subject
            .create(product(&format!("S-{n:02}"), "The same name"))
            .await;
    }
    let mut expected: Vec<String> = (0..20).map(|n| format!("S-{n:02}")).collect();
    assert_eq!(subject.skus(&sorted(Sort::Name, 3)).await, expected);
    assert_eq!(subject.skus(&sorted(Sort::Price, 7)).await, expected);
    expected.reverse();
    assert_eq!(
        subject.skus(&sorted(Sort::PriceDescending, 3)).await,
        expected
    );
}

pub(super) async fn concurrent_inserts_do_not_disturb_pages(subject: Subject) {
    for n in 0..10 {
        subject
            .create(product(&format!("OLD-{n}"), &format!("name {n}")))
            .await;
    }
    for sort in [Sort::Name, Sort::NameDescending, Sort::Price, Sort::Newest] {
        let mut query = sorted(sort, 3);
        let mut seen = Vec::new();
        for round in 0.. {
            let page = subject.catalog.list(&query).await.expect("a page");
            seen.extend(page.items.into_iter().map(|product| product.sku));
            let between = format!("NEW-{sort:?}-{round}");
            let made = subject
                .create(product(&between, &format!("name {round}")))
                .await;
            if round % 2 == 0 {
                subject
                    .catalog
                    .delete(None, made.id, &Precondition::Exists)
                    .await
                    .expect("deleted");
            }
            query.cursor = page.next_cursor;
            if query.cursor.is_none() {
                break;
            }
        }
        let old: Vec<_> = seen.iter().filter(|sku| sku.starts_with("OLD")).collect();
        let mut once = old.clone();
        once.sort();
        once.dedup();
        assert_eq!((old.len(), once.len()), (10, 10), "{sort:?}: {seen:?}");
    }
}

pub(super) async fn filters_are_exact(subject: Subject) {
    let text = |text: &str| AttributeValue::One(Scalar::Text(text.to_owned()));
    let values = [
        text("red"),
        text("red wine"),
        text("Red"),
        AttributeValue::One(Scalar::Integer(42)),
        text("42"),
        AttributeValue::Many(vec![
            Scalar::Text("red".into()),
            Scalar::Text("blue".into()),
        ]),
        AttributeValue::One(Scalar::Bool(true)),
    ];
    for (n, value) in values.into_iter().enumerate() {
        let new = product_with(&format!("S-{n}"), "Thing", |input| {
            input.category = if n % 2 == 0 { "even" } else { "odd one" }.to_owned();
            input.attributes = [("colour".to_owned(), value)].into_iter().collect();
        });
        subject.create(new).await;
    }
    let by = |category: Option<&str>, colour: Option<&str>, sort: Sort| ListQuery {
        category: category.map(str::to_owned),
        attributes: colour
            .map(|c| ("colour".to_owned(), c.to_owned()))
            .into_iter()
            .collect(),
        ..sorted(sort, 2)
    };
    for sort in [Sort::Name, Sort::Price] {
        assert_eq!(
            subject.skus(&by(None, Some("red"), sort)).await,
            ["S-0", "S-5"]
        );
        assert_eq!(
            subject.skus(&by(None, Some("42"), sort)).await,
            ["S-3", "S-4"]
        );
        assert_eq!(subject.skus(&by(None, Some("true"), sort)).await, ["S-6"]);
        assert_eq!(
            subject.skus(&by(Some("odd one"), None, sort)).await,
            ["S-1", "S-3", "S-5"]
        );
        assert_eq!(
            subject.skus(&by(Some("odd one"), Some("red"), sort)).await,
            ["S-5"]
        );
        assert!(subject.skus(&by(Some("odd"), None, sort)).await.is_empty());
        assert!(subject.skus(&by(None, Some("r"), sort)).await.is_empty());
    }
    assert_eq!(
        subject.skus(&by(None, Some("red"), Sort::Newest)).await,
        ["S-5", "S-0"]
    );
    assert_eq!(
        subject.skus(&by(Some("even"), None, Sort::Newest)).await,
        ["S-6", "S-4", "S-2", "S-0"]
    );
}

pub(super) async fn only_the_wanted_statuses_are_listed(subject: Subject) {
    for (n, status) in Status::ALL.into_iter().cycle().take(9).enumerate() {
        let new = product_with(&format!("S-{n}"), &format!("word {n}"), |input| {
            input.status = status;
        });
        subject.create(new).await;
    }
    for search in [None, Some("word".to_owned())] {
        for sort in [Sort::Name, Sort::Newest] {
            let query = |statuses: &[Status]| ListQuery {
                statuses: statuses.to_vec(),
                search: search.clone(),
                ..sorted(sort, 2)
            };
            let mut drafts = subject.skus(&query(&[Status::Draft])).await;
            drafts.sort();
            assert_eq!(drafts, ["S-0", "S-3", "S-6"]);
            let two = subject
                .skus(&query(&[Status::Archived, Status::Active]))
                .await;
            assert_eq!(two.len(), 6);
            let all = subject.skus(&query(&[])).await;
            let mut expected: Vec<String> = (0..9).map(|n| format!("S-{n}")).collect();
            if sort == Sort::Newest {
                expected.reverse();
            }
            assert_eq!(all, expected, "{sort:?} {search:?}");
        }
    }
}

pub(super) async fn a_cursor_of_another_query_is_refused(subject: Subject) {
    for n in 0..3 {
        subject.create(product(&format!("S-{n}"), "Thing")).await;
    }
    let page = subject
        .catalog
        .list(&sorted(Sort::Name, 1))
        .await
        .expect("a page");
    let cursor = page.next_cursor.expect("more");
    for query in [
        sorted(Sort::Price, 1),
        ListQuery {
            category: Some("things".to_owned()),
            ..sorted(Sort::Name, 1)
        },
        ListQuery {
            search: Some("thing".to_owned()),
            ..sorted(Sort::Name, 1)
        },
        ListQuery {
            statuses: Vec::new(),
            ..sorted(Sort::Name, 1)
        },
    ] {
        let query = ListQuery {
            cursor: Some(cursor.clone()),
            ..query
        };
        let refused = subject.catalog.list(&query).await;
        assert!(
            matches!(refused, Err(CatalogError::InvalidCursor)),
            "{query:?}"
        );
    }
    let query = ListQuery {
        cursor: Some(cursor),
        limit: Some(2),
        ..sorted(Sort::Name, 1)
    };
    assert_eq!(
        subject
            .catalog
            .list(&query)
            .await
            .expect("another limit")
            .items
            .len(),
        2
    );
}
