use std::collections::{HashMap, HashSet};

use stanchion::demo::{self, Attribute, Product, Status};

fn demo_products() -> Vec<Product> {
    demo::products(demo::SEED, demo::PRODUCTS).collect()
}

#[test]
fn the_same_seed_gives_the_same_products() {
    assert_eq!(demo_products(), demo_products());
    let other: Vec<_> = demo::products(demo::SEED + 1, demo::PRODUCTS).collect();
    assert_ne!(demo_products(), other);
    let fewer: Vec<_> = demo::products(demo::SEED, 100).collect();
    assert_eq!(
        fewer,
        demo_products()[..100],
        "fewer products are the first of more"
    );
}

#[test]
fn the_demo_has_two_thousand_products_in_twenty_categories() {
    let mut per_category = HashMap::<_, usize>::new();
    for product in demo_products() {
        *per_category.entry(product.category).or_default() += 1;
    }
    assert!(per_category.len() >= 20, "{per_category:?}");
    assert!(per_category.values().sum::<usize>() >= 2000);
    assert!(
        per_category.values().all(|count| *count >= 50),
        "{per_category:?}"
    );
    assert_eq!(per_category.len(), demo::categories().count());
}

#[test]
fn skus_are_unique_and_names_vary() {
    let products: Vec<_> = demo::products(7, 100_000).collect();
    let skus: HashSet<_> = products.iter().map(|product| &product.sku).collect();
    assert_eq!(skus.len(), products.len());
    let names: HashSet<_> = products.iter().map(|product| &product.name).collect();
    assert!(names.len() > 80_000, "{} names", names.len());
}

#[test]
fn every_field_is_plausible() {
    for product in demo_products() {
        let shown = format!("{product:?}");
        let (prefix, serial) = product.sku.split_once('-').expect("a SKU has two parts");
        assert!(
            prefix.len() == 3 && prefix.bytes().all(|b| b.is_ascii_uppercase()),
            "{shown}"
        );
        assert!(
            serial.len() == 6 && serial.parse::<u32>().is_ok(),
            "{shown}"
        );
        assert!((8..=120).contains(&product.name.len()), "{shown}");
        let sentences = product.description.matches(". ").count() + 1;
        assert!(
            (1..=3).contains(&sentences) && product.description.ends_with('.'),
            "{shown}"
        );
        assert!((100..=300_000).contains(&product.price.amount), "{shown}");
        assert_eq!(product.price.currency, "EUR");
        let weight = product.attributes.get("weight_g");
        assert!(
            matches!(weight, Some(Attribute::Integer(1..=100_000))),
            "{shown}"
        );
        let names: HashSet<_> = product.attributes.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), product.attributes.iter().count(), "{shown}");
    }
}

#[test]
fn every_kind_of_attribute_and_status_occurs() {
    let products = demo_products();
    let values = || {
        products
            .iter()
            .flat_map(|product| product.attributes.iter())
    };
    for kind in [
        |value: &Attribute| matches!(value, Attribute::Text(_)),
        |value: &Attribute| matches!(value, Attribute::Integer(_)),
        |value: &Attribute| matches!(value, Attribute::Decimal(_)),
        |value: &Attribute| matches!(value, Attribute::Flag(_)),
        |value: &Attribute| matches!(value, Attribute::List(_)),
    ] {
        assert!(values().any(|(_, value)| kind(value)));
    }
    let count = |status| {
        products
            .iter()
            .filter(|product| product.status == status)
            .count()
    };
    assert!((20..200).contains(&count(Status::Draft)));
    assert!((10..150).contains(&count(Status::Archived)));
}

#[test]
fn a_product_is_written_as_an_import_line() {
    let product = demo::products(demo::SEED, 1).next().expect("one");
    let line = serde_json::to_value(&product).expect("serialisable");
    let keys: Vec<_> = line
        .as_object()
        .expect("an object")
        .keys()
        .cloned()
        .collect();
    let mut expected = [
        "sku",
        "name",
        "description",
        "category",
        "price",
        "attributes",
        "status",
    ];
    expected.sort_unstable();
    assert_eq!(keys, expected);
    assert!(line["price"]["amount"].is_i64());
}
