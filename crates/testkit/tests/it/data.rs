use std::collections::HashSet;

use serde_json::Value;
use stanchion_testkit::data::{RETAIL_PRODUCTS, Source, generated_products, retail_products};

fn parse(lines: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(lines).expect("the products are UTF-8");
    let parse = |line| serde_json::from_str(line).expect("each line is JSON");
    text.lines().map(parse).collect()
}

/// What both sources promise to whoever reads them.
fn assert_shape(products: &[Value]) {
    const KEYS: [&str; 7] = [
        "attributes",
        "category",
        "description",
        "name",
        "price",
        "sku",
        "status",
    ];
    assert_eq!(products.len(), RETAIL_PRODUCTS);
    let skus: HashSet<&str> = products.iter().filter_map(|p| p["sku"].as_str()).collect();
    assert_eq!(skus.len(), RETAIL_PRODUCTS);
    let categories: HashSet<&str> = products
        .iter()
        .filter_map(|p| p["category"].as_str())
        .collect();
    assert!(categories.len() >= 20);
    for product in products {
        let mut keys: Vec<&String> = product.as_object().expect("an object").keys().collect();
        keys.sort();
        assert_eq!(keys, KEYS);
        assert!(product["price"]["amount"].is_u64());
        assert_eq!(product["price"]["currency"], "USD");
        for (name, value) in product["attributes"].as_object().expect("an object") {
            assert!(
                value.is_string() || (name == "aliases" && value.is_array()),
                "{name}"
            );
        }
    }
    assert!(
        products
            .iter()
            .any(|p| p["attributes"]["aliases"].is_array())
    );
}

#[test]
fn products_have_the_promised_shape_whatever_their_source() {
    let (source, lines) = retail_products();
    let expected = match std::env::var_os("STANCHION_DATA") {
        Some(_) => Source::Real,
        None => Source::Generated,
    };
    assert_eq!(source, expected);
    assert_shape(&parse(&lines));
}

#[test]
fn generated_products_have_the_shape_of_the_real_ones_and_are_the_same_each_time() {
    let lines = generated_products();
    assert_shape(&parse(&lines));
    assert!(lines == generated_products());
}
