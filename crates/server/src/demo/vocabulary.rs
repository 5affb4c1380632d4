//! The words that products are composed of.

use std::sync::LazyLock;

use serde::Deserialize;

/// All words.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Vocabulary<'a> {
    #[serde(borrow)]
    pub(super) makers: Vec<&'a str>,
    /// In the order in which products take turns.
    #[serde(rename = "category")]
    pub(super) categories: Vec<Category<'a>>,
}

/// The words of one category; no list is empty.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Category<'a> {
    pub(super) name: &'a str,
    /// What its SKUs start with.
    pub(super) prefix: &'a str,
    pub(super) nouns: Vec<Noun<'a>>,
    pub(super) traits: Vec<&'a str>,
    pub(super) materials: Vec<&'a str>,
    pub(super) colours: Vec<&'a str>,
    pub(super) sizes: Vec<&'a str>,
    pub(super) uses: Vec<&'a str>,
    pub(super) features: Vec<&'a str>,
    pub(super) care: Vec<&'a str>,
    pub(super) tags: Vec<&'a str>,
    pub(super) extras: Vec<Extra<'a>>,
}

/// A thing that is sold, with the range of its price and weight.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Noun<'a> {
    pub(super) name: &'a str,
    pub(super) cents: (u64, u64),
    pub(super) grams: (u64, u64),
}

/// An attribute that only some categories have.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Extra<'a> {
    /// True or false.
    Flag { flag: &'a str },
    /// A whole number in steps.
    Count {
        count: &'a str,
        range: (u64, u64),
        step: u64,
    },
    /// A number with one decimal place, its range in tenths.
    Tenths { tenths: &'a str, range: (u64, u64) },
    /// One of these words.
    Word { word: &'a str, among: Vec<&'a str> },
}

/// The vocabulary, read at first use (about a millisecond).
pub(super) static VOCABULARY: LazyLock<Vocabulary<'static>> = LazyLock::new(|| {
    toml::from_str(include_str!("vocabulary.toml")).expect("a test reads the same text")
});
