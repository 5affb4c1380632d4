//! Words and tags: what the full-text index holds of a product, the same on both databases.
//!
//! The databases' own analysers differ (what a word is, which accents count, what is stemmed), so words are made here
//! and the databases only keep and intersect them. A word is a run of letters and digits after compatibility
//! decomposition (Unicode NFKD), without marks, in lower case; a character of a script that is written without spaces
//! is a word of its own.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::model::{AttributeValue, NewProduct, Scalar, Status};

/// Longer words are cut; nobody types more.
const MAX_WORD: usize = 40;
/// The most different words of a product that are indexed.
const MAX_WORDS: usize = 1_000;
/// The longest sort key of a name, in characters; names that agree so far are ordered by when they were made.
const MAX_SORT_KEY: usize = 100;

/// What the index holds of a product.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Words of its name and its SKU.
    pub name: BTreeSet<String>,
    /// Words of its description, category and text attributes that are not in `name`.
    pub body: BTreeSet<String>,
    /// One per attribute value.
    pub tags: BTreeSet<String>,
}

impl Terms {
    /// The terms of a product.
    pub(crate) fn of(product: &NewProduct) -> Self {
        let name: BTreeSet<String> = words(&product.name)
            .chain(words(&product.sku))
            .take(MAX_WORDS)
            .collect();
        let texts = product
            .attributes
            .iter()
            .flat_map(|(_, value)| value.scalars());
        let body = words(&product.description)
            .chain(words(&product.category))
            .chain(texts.filter_map(text_of).flat_map(words))
            .filter(|word| !name.contains(word))
            .take(MAX_WORDS)
            .collect();
        let tags = product
            .attributes
            .iter()
            .flat_map(|(name, value)| tags_of(name, value))
            .collect();
        Self { name, body, tags }
    }
}

fn text_of(scalar: &Scalar) -> Option<&str> {
    match scalar {
        Scalar::Text(text) => Some(text),
        _ => None,
    }
}

fn tags_of<'a>(name: &'a str, value: &'a AttributeValue) -> impl Iterator<Item = String> + 'a {
    value
        .scalars()
        .iter()
        .map(move |scalar| attribute_tag(name, scalar))
}

/// The tag of one value of an attribute.
pub(crate) fn attribute_tag(name: &str, value: &Scalar) -> String {
    let (kind, text) = match value {
        Scalar::Text(text) => ('t', text.clone()),
        Scalar::Integer(number) => ('n', number.to_string()),
        Scalar::Decimal(number) => ('n', number.to_string()),
        Scalar::Bool(truth) => ('b', truth.to_string()),
    };
    tag('a', &format!("{name}\0{kind}{text}"))
}

/// The tag of a category.
pub(crate) fn category_tag(name: &str) -> String {
    tag('c', name)
}

/// The tag of a status.
pub(crate) fn status_tag(status: Status) -> String {
    tag('s', status.as_str())
}

/// 128 bits of a hash: no two values share one by chance or by intent.
fn tag(space: char, text: &str) -> String {
    let hash = blake3::hash(text.as_bytes()).to_hex();
    format!("{space}{}", &hash[..32])
}

/// The words of a text, in order, with repetitions.
pub(crate) fn words(text: &str) -> impl Iterator<Item = String> {
    let folded = fold(text);
    let mut words = Vec::new();
    let mut word = String::new();
    for c in folded.chars() {
        let alone = is_written_without_spaces(c);
        if (alone || !c.is_alphanumeric()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if alone {
            words.push(c.to_string());
        } else if c.is_alphanumeric() && word.chars().count() < MAX_WORD {
            word.push(c);
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words.into_iter()
}

/// The key by which a name is sorted: its folded form, so that case and accents do not matter.
pub(crate) fn sort_key(name: &str) -> String {
    fold(name).chars().take(MAX_SORT_KEY).collect()
}

fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // Lower case can decompose again (İ), so it comes first and last.
    text.to_lowercase()
        .nfkd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Han, kana and Thai: scripts in which a space does not end a word.
fn is_written_without_spaces(c: char) -> bool {
    matches!(u32::from(c), 0x0E00..=0x0E7F | 0x3040..=0x30FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x323AF)
}

/// What a search asks for: every word, where a word of two characters or more also matches longer words that begin
/// with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    words: Vec<(String, bool)>,
}

/// The most words of a search.
const MAX_SEARCH_WORDS: usize = 16;

impl Search {
    /// What `text` asks for; `None` when it has too many words.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut asked = Vec::new();
        for word in words(text) {
            let longer_too = word.chars().nth(1).is_some();
            if !asked.contains(&(word.clone(), longer_too)) {
                asked.push((word, longer_too));
            }
        }
        (asked.len() <= MAX_SEARCH_WORDS).then_some(Self { words: asked })
    }

    /// Whether it has no word, and so matches nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Each word, and whether longer words that begin with it match too.
    pub fn words(&self) -> impl Iterator<Item = (&str, bool)> {
        self.words
            .iter()
            .map(|(word, longer_too)| (word.as_str(), *longer_too))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(text: &str) -> Vec<String> {
        words(text).collect()
    }

    #[test]
    fn case_accents_and_punctuation_do_not_matter() {
        assert_eq!(all("Crème-BRÛLÉE, Nº 5"), ["creme", "brulee", "no", "5"]);
        assert_eq!(all("İstanbul straße ﬁne"), ["istanbul", "straße", "fine"]);
    }

    #[test]
    fn scripts_without_spaces_give_a_word_per_character() {
        assert_eq!(all("東京 tower2"), ["東", "京", "tower2"]);
    }

    #[test]
    fn tags_tell_text_from_number_and_truth() {
        let tags: BTreeSet<String> = [
            Scalar::Text("1".into()),
            Scalar::Integer(1),
            Scalar::Bool(true),
            Scalar::Text("true".into()),
        ]
        .iter()
        .map(|value| attribute_tag("size", value))
        .collect();
        assert_eq!(tags.len(), 4);
    }

    #[test]
    fn a_search_of_too_many_words_is_refused() {
        let text = (0..17).map(|n| format!("w{n} ")).collect::<String>();
        assert!(Search::parse(&text).is_none());
        assert!(Search::parse("a a a a a a a a a a a a a a a a a a a").is_some());
    }

    proptest! {
        #[test]
        fn words_are_short_and_hold_nothing_that_an_index_could_misread(text in ".{0,200}") {
            for word in words(&text) {
                prop_assert!(!word.is_empty());
                prop_assert!(word.chars().count() <= MAX_WORD);
                prop_assert!(word.chars().all(char::is_alphanumeric) || word.chars().count() == 1);
                prop_assert!(!word.contains(['"', '\'', '\0', '\\', ' ', ':', '*']));
            }
        }

        #[test]
        fn words_of_words_are_the_words(text in ".{0,100}") {
            let once = all(&text);
            prop_assert_eq!(all(&once.join(" ")), once);
        }
    }
}
