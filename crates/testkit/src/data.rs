//! Input of real shape: the data set that `STANCHION_DATA` names, or generated input in its stead.

use std::path::Path;

use serde_json::{Map, Value, json};
use stanchion_kernel::Entropy;

/// How many products either source has.
pub const RETAIL_PRODUCTS: usize = 2_465;

/// Where the products came from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Source {
    /// The data set in the folder that `STANCHION_DATA` names.
    Real,
    /// Generated, the same on every run.
    Generated,
}

/// 2,465 products in the form of `stanchion import`, one JSON object a line, and where they came from.
///
/// With `STANCHION_DATA` set they are `$STANCHION_DATA/products/retail-demo.ndjson`; without it they are
/// generated in the same shape. It prints which it used.
///
/// # Panics
/// When `STANCHION_DATA` is set and the file cannot be read: whoever names a data set means it.
#[must_use]
pub fn retail_products() -> (Source, Vec<u8>) {
    let Some(folder) = std::env::var_os("STANCHION_DATA") else {
        eprintln!("retail products: generated, since STANCHION_DATA is not set");
        return (Source::Generated, generated_products());
    };
    let path = Path::new(&folder).join("products/retail-demo.ndjson");
    match std::fs::read(&path) {
        Ok(lines) => {
            eprintln!("retail products: {}", path.display());
            (Source::Real, lines)
        }
        Err(error) => panic!("STANCHION_DATA is set, but {}: {error}", path.display()),
    }
}

/// The generated form alone, whatever `STANCHION_DATA` says.
#[must_use]
pub fn generated_products() -> Vec<u8> {
    let entropy = Entropy::seeded(20_240_229);
    let mut lines = Vec::with_capacity(RETAIL_PRODUCTS * 500);
    for index in 0..RETAIL_PRODUCTS {
        lines.extend_from_slice(product(&entropy, index).to_string().as_bytes());
        lines.push(b'\n');
    }
    lines
}

fn product(entropy: &Entropy, index: usize) -> Value {
    let (category, nouns) = pick(entropy, CATEGORIES);
    let noun = pick(entropy, nouns);
    let (quality, material) = (pick(entropy, QUALITIES), pick(entropy, MATERIALS));
    let mut attributes = Map::new();
    attributes.insert("style".into(), json!(noun));
    attributes.insert(
        "where_visible".into(),
        json!(pick(entropy, &["UI", "Voice"])),
    );
    if entropy.below(3) == 0 {
        attributes.insert("gender_affinity".into(), json!(pick(entropy, &["F", "M"])));
    }
    if entropy.below(4) == 0 {
        attributes.insert("promoted".into(), json!("true"));
    }
    // As rare as in the real set: the first of every 150.
    if index.is_multiple_of(150) {
        let aliases = [
            (*noun).to_owned(),
            format!("{material} {noun}"),
            format!("a {noun}"),
        ];
        attributes.insert("aliases".into(), json!(aliases));
    }
    json!({
        "sku": sku(entropy),
        "name": format!("{quality} {material} {noun}"),
        "description": description(entropy, noun),
        "category": category,
        "price": { "amount": price(entropy), "currency": "USD" },
        "attributes": attributes,
        "status": "active",
    })
}

/// In the form of a version 4 UUID, which is what the real set uses.
fn sku(entropy: &Entropy) -> String {
    let bits = u128::from_be_bytes(entropy.bytes());
    let bits = (bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    stanchion_kernel::Uuid::from_u128(bits).to_string()
}

/// Most cost a few dollars, few cost thousands.
fn price(entropy: &Entropy) -> u64 {
    let magnitude = 10_u64.pow(2 + u32::try_from(entropy.below(4)).unwrap_or_default());
    magnitude + entropy.below(magnitude * 9) / 100 * 100 + 99
}

fn description(entropy: &Entropy, noun: &str) -> String {
    let sentences = 2 + entropy.below(3);
    let mut text = format!("{} this {noun}.", pick(entropy, OPENINGS));
    for _ in 0..sentences {
        text.push(' ');
        text.push_str(pick::<&str>(entropy, SENTENCES));
    }
    text
}

fn pick<'a, T>(entropy: &Entropy, choices: &'a [T]) -> &'a T {
    let index = usize::try_from(entropy.below(choices.len() as u64)).unwrap_or_default();
    &choices[index]
}

const CATEGORIES: &[(&str, &[&str])] = &[
    ("accessories", &["backpack", "belt", "wallet", "scarf"]),
    ("apparel", &["jacket", "shirt", "sweater", "skirt"]),
    ("beauty", &["soap", "brush", "perfume", "cream"]),
    ("books", &["atlas", "cookbook", "novel", "almanac"]),
    ("cold drinks", &["lemonade", "iced tea", "cola", "tonic"]),
    ("electronics", &["speaker", "camera", "headphones", "radio"]),
    ("floral", &["bouquet", "wreath", "orchid", "centerpiece"]),
    ("footwear", &["boot", "sandal", "sneaker", "loafer"]),
    ("furniture", &["table", "chair", "bookshelf", "sofa"]),
    ("groceries", &["bread", "cheese", "apples", "honey"]),
    ("hot drinks", &["espresso", "cocoa", "chai", "latte"]),
    ("homedecor", &["lamp", "vase", "mirror", "rug"]),
    ("housewares", &["kettle", "skillet", "bowl", "knife"]),
    ("instruments", &["guitar", "drum", "flute", "violin"]),
    ("jewelry", &["ring", "necklace", "bracelet", "earrings"]),
    ("outdoors", &["tent", "kayak", "lantern", "canteen"]),
    (
        "salty snacks",
        &["pretzels", "crisps", "peanuts", "crackers"],
    ),
    ("seasonal", &["ornament", "garland", "sparkler", "pumpkin"]),
    ("stationery", &["notebook", "pen", "calendar", "ruler"]),
    ("tools", &["hammer", "drill", "saw", "wrench"]),
];
const QUALITIES: &[&str] = &[
    "Plain", "Sturdy", "Elegant", "Everyday", "Festive", "Compact", "Handmade", "Vintage", "Crème",
];
const MATERIALS: &[&str] = &[
    "oak", "steel", "linen", "copper", "wool", "glass", "cedar", "leather", "bamboo", "cotton",
];
const OPENINGS: &[&str] = &[
    "Take your time with",
    "Make room for",
    "Count on",
    "Say hello to",
    "Spend a weekend with",
];
const SENTENCES: &[&str] = &[
    "It is made to be used daily and repaired when worn.",
    "The colours stay as they are, in sun and in rain.",
    "Two people can put it together in ten minutes — no tools needed.",
    "It fits in a drawer, on a shelf or under a bed.",
    "Every piece is checked by hand before it is packed.",
    "Our customers' favourite since the first season, and still made in the same town.",
    "A gift that is remembered: \"exactly right\", as one of them wrote.",
];
