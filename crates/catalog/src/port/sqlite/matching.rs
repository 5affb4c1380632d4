//! Queries in the language of FTS5. Every term is a quoted word or tag of our own making, so nothing needs escaping.

use crate::model::Status;
use crate::query::Checked;
use crate::terms::{Search, attribute_tag, category_tag, status_tag};

/// Matches in name and SKU come before matches anywhere.
pub(super) const TIERS: u8 = 2;

/// What a row must match; with a tier, only rows of that tier.
pub(super) fn expression(query: &Checked, tier: Option<u8>) -> String {
    let mut demands: Vec<String> = Vec::new();
    if let Some(search) = &query.search {
        let words = words(search);
        demands.push(match tier {
            Some(0) => format!("({{name}} : ({words}))"),
            Some(_) => format!("(({{name body}} : ({words})) NOT ({{name}} : ({words})))"),
            None => format!("({{name body}} : ({words}))"),
        });
    }
    demands.extend(
        query
            .category
            .as_ref()
            .map(|name| any_tag([category_tag(name)])),
    );
    if query.statuses.len() < Status::ALL.len() {
        demands.push(any_tag(query.statuses.iter().copied().map(status_tag)));
    }
    for (name, meanings) in &query.attributes {
        demands.push(any_tag(
            meanings.iter().map(|value| attribute_tag(name, value)),
        ));
    }
    demands.join(" AND ")
}

fn words(search: &Search) -> String {
    let terms: Vec<String> = search
        .words()
        .map(|(word, longer_too)| {
            if longer_too {
                format!("\"{word}\"*")
            } else {
                format!("\"{word}\"")
            }
        })
        .collect();
    terms.join(" AND ")
}

fn any_tag(tags: impl IntoIterator<Item = String>) -> String {
    let tags: Vec<String> = tags.into_iter().map(|tag| format!("\"{tag}\"")).collect();
    format!("({{tags}} : ({}))", tags.join(" OR "))
}
