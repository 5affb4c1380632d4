use super::{Subject, active, product, product_with};
use crate::model::{AttributeValue, Scalar};
use crate::port::{Edit, Precondition};
use crate::query::{ListQuery, Sort};

pub(super) async fn every_word_must_occur_and_may_be_begun(subject: Subject) {
    subject.create(product("TENT-2", "Two-person tent")).await;
    subject
        .create(product_with("LAMP-9", "Camping lamp", |input| {
            input.description = "Für das Zelt, not for tents of three.".to_owned();
        }))
        .await;
    for (search, expected) in [
        ("tent", vec!["TENT-2", "LAMP-9"]),
        ("TENTS", vec!["LAMP-9"]),
        ("ten per", vec!["TENT-2"]),
        ("fur zelt", vec!["LAMP-9"]),
        ("lamp-9", vec!["LAMP-9"]),
        ("tent boat", vec![]),
        ("ent", vec![]),
        ("\" OR * NEAR(", vec![]),
        ("a:b & !c | 'd'", vec![]),
        ("!!!", vec![]),
        ("", vec![]),
    ] {
        assert_eq!(subject.found(search).await, expected, "{search}");
    }
}

pub(super) async fn matches_in_the_name_come_first(subject: Subject) {
    for n in 0..6 {
        let (name, description) = if n % 2 == 0 {
            ("Blue bottle", "")
        } else {
            ("Vessel", "a blue bottle")
        };
        let new = product_with(&format!("S-{n}"), name, |input| {
            input.description = description.to_owned();
        });
        subject.create(new).await;
    }
    let expected = ["S-4", "S-2", "S-0", "S-5", "S-3", "S-1"];
    for limit in [1, 2, 3, 4, 50] {
        let query = ListQuery {
            search: Some("blue bot".to_owned()),
            limit: Some(limit),
            ..active()
        };
        assert_eq!(subject.skus(&query).await, expected, "by {limit}");
    }
}

pub(super) async fn an_edit_changes_what_is_found(subject: Subject) {
    let made = subject.create(product("S-1", "Kettle")).await;
    let edit = Edit::Replace(Box::new(product("S-1", "Teapot")));
    subject
        .catalog
        .update(None, made.id, &Precondition::Exists, edit)
        .await
        .expect("changed");
    assert!(subject.found("kettle").await.is_empty());
    assert_eq!(subject.found("teapot").await, ["S-1"]);
}

pub(super) async fn search_filters_and_orders_combine(subject: Subject) {
    for n in 0_u32..12 {
        let new = product_with(
            &format!("S-{n:02}"),
            &format!("Chair model {}", 12 - n),
            |input| {
                input.category = ["garden", "office"][n as usize % 2].to_owned();
                input.price.amount = i64::from(n * 10 % 70);
                let seats = AttributeValue::One(Scalar::Integer(i64::from(n % 3)));
                input.attributes = [("seats".to_owned(), seats)].into_iter().collect();
            },
        );
        subject.create(new).await;
    }
    let query = |sort: Sort| ListQuery {
        search: Some("chair mod".to_owned()),
        category: Some("garden".to_owned()),
        attributes: [("seats".to_owned(), "1".to_owned())].into(),
        sort: Some(sort),
        limit: Some(1),
        ..active()
    };
    assert_eq!(subject.skus(&query(Sort::Price)).await, ["S-10", "S-04"]);
    assert_eq!(
        subject.skus(&query(Sort::PriceDescending)).await,
        ["S-04", "S-10"]
    );
    assert_eq!(subject.skus(&query(Sort::Name)).await, ["S-10", "S-04"]);
    assert_eq!(subject.skus(&query(Sort::Newest)).await, ["S-10", "S-04"]);
    assert_eq!(
        subject.skus(&query(Sort::Relevance)).await,
        ["S-10", "S-04"]
    );
}
