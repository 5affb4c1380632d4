//! Queries in the language of `tsquery`. Every lexeme is a quoted word or tag of our own making, so nothing needs
//! escaping. A word of a name is kept twice: as `n…`, and as `w…` like every word.

use crate::prepared::Prepared;
use crate::query::Checked;
use crate::terms::{Search, attribute_tag, category_tag};

/// Matches in name and SKU come before matches anywhere.
pub(super) const TIERS: u8 = 2;

/// What a row must match; with a tier, only rows of that tier. `None` when no words and no attributes are demanded.
pub(super) fn expression(query: &Checked, tier: Option<u8>) -> Option<String> {
    let mut demands: Vec<String> = Vec::new();
    if let Some(search) = &query.search {
        demands.push(match tier {
            Some(0) => words('n', search),
            Some(_) => format!("{} & !{}", words('w', search), words('n', search)),
            None => words('w', search),
        });
    }
    for (name, meanings) in &query.attributes {
        let tags: Vec<String> = meanings
            .iter()
            .map(|value| format!("'{}'", attribute_tag(name, value)))
            .collect();
        demands.push(format!("({})", tags.join(" | ")));
    }
    if demands.is_empty() {
        return None;
    }
    // The inverted index knows the categories too, so that the planner has no reason to read all of one.
    let category = query.category.as_ref();
    demands.extend(category.map(|name| format!("'{}'", category_tag(name))));
    Some(demands.join(" & "))
}

fn words(space: char, search: &Search) -> String {
    let terms: Vec<String> = search
        .words()
        .map(|(word, longer_too)| format!("'{space}{word}'{}", if longer_too { ":*" } else { "" }))
        .collect();
    format!("({})", terms.join(" & "))
}

/// The text form of a product's `tsvector`.
pub(super) fn lexemes(new: &Prepared) -> String {
    let mut text = String::new();
    let mut push = |space: &str, word: &str| {
        text.push_str(space);
        text.push_str(word);
        text.push(' ');
    };
    for word in &new.terms.name {
        push("n", word);
        push("w", word);
    }
    new.terms.body.iter().for_each(|word| push("w", word));
    new.terms.tags.iter().for_each(|tag| push("", tag));
    push("", &category_tag(&new.product.category));
    text
}
