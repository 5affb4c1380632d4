use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::CatalogError;
use crate::model::{Product, Scalar, Status, is_attribute_name};
use crate::terms::Search;

/// The most products of a page.
pub const MAX_LIMIT: u32 = 200;
/// The products of a page when nothing is said.
pub const DEFAULT_LIMIT: u32 = 50;
/// The most attribute filters of a query.
const MAX_FILTERS: usize = 8;
/// The longest search text, in bytes.
const MAX_SEARCH: usize = 500;

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Sort {
    /// By name, without regard to case and accents.
    #[serde(rename = "name")]
    Name,
    /// By name, backwards.
    #[serde(rename = "-name")]
    NameDescending,
    /// By currency, then the lowest price first.
    #[serde(rename = "price")]
    Price,
    /// By currency backwards, then the highest price first.
    #[serde(rename = "-price")]
    PriceDescending,
    /// The newest first.
    #[default]
    #[serde(rename = "newest")]
    Newest,
    /// Products that have every word in their name or SKU before the others; the newest first among equals.
    #[serde(rename = "relevance")]
    Relevance,
}

impl Sort {
    /// All of them, with their names.
    pub const ALL: [(&'static str, Self); 6] = [
        ("name", Self::Name),
        ("-name", Self::NameDescending),
        ("price", Self::Price),
        ("-price", Self::PriceDescending),
        ("newest", Self::Newest),
        ("relevance", Self::Relevance),
    ];

    /// The order with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, sort)| *sort)
    }
}

/// Which products to list, and how.
#[derive(Clone, Debug, Default)]
pub struct ListQuery {
    /// Words that must occur.
    pub search: Option<String>,
    /// The category that they belong to.
    pub category: Option<String>,
    /// The statuses that they may have; empty for all.
    pub statuses: Vec<Status>,
    /// Attributes, each with the text of a value that it must have.
    pub attributes: BTreeMap<String, String>,
    /// The order; by relevance when there is a search, the newest first otherwise.
    pub sort: Option<Sort>,
    /// The most products, 1 to [`MAX_LIMIT`]; [`DEFAULT_LIMIT`] when absent.
    pub limit: Option<u32>,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The products, in order.
    pub items: Vec<Product>,
    /// Where the next page begins; `None` when there is none.
    pub next_cursor: Option<String>,
}

/// A [`ListQuery`] that has been checked.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Words that must occur.
    pub search: Option<Search>,
    /// The category that they belong to.
    pub category: Option<String>,
    /// The statuses that they may have, each once and at least one.
    pub statuses: Vec<Status>,
    /// For each filter its name and what its text may mean.
    pub attributes: Vec<(String, Vec<Scalar>)>,
    /// The order.
    pub sort: Sort,
    /// The most products.
    pub limit: u32,
}

impl ListQuery {
    pub(crate) fn check(&self) -> Result<Checked, CatalogError> {
        let invalid = |why: &str| CatalogError::InvalidQuery(why.to_owned());
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(invalid("limit must be from 1 to 200"));
        }
        if self.attributes.len() > MAX_FILTERS {
            return Err(invalid("at most 8 attributes can be filtered by"));
        }
        if !self.attributes.keys().all(|name| is_attribute_name(name)) {
            return Err(invalid(
                "an attribute's name has 1 to 64 letters, digits, `_`, `-` and `.`",
            ));
        }
        if self
            .search
            .as_ref()
            .is_some_and(|text| text.len() > MAX_SEARCH)
        {
            return Err(invalid("q must have at most 500 bytes"));
        }
        let search = match &self.search {
            Some(text) => {
                Some(Search::parse(text).ok_or_else(|| invalid("q must have at most 16 words"))?)
            }
            None => None,
        };
        let sort = match (self.sort, &search) {
            (Some(Sort::Relevance), None) => return Err(invalid("sort=relevance needs q")),
            (Some(sort), _) => sort,
            (None, Some(_)) => Sort::Relevance,
            (None, None) => Sort::Newest,
        };
        let mut statuses = if self.statuses.is_empty() {
            Status::ALL.to_vec()
        } else {
            self.statuses.clone()
        };
        statuses.sort_by_key(|status| *status as u8);
        statuses.dedup();
        let attributes = self
            .attributes
            .iter()
            .map(|(name, text)| (name.clone(), Scalar::meanings(text)))
            .collect();
        Ok(Checked {
            search,
            category: self.category.clone(),
            statuses,
            attributes,
            sort,
            limit,
        })
    }

    /// What a cursor is bound to: everything that decides membership and order.
    pub(crate) fn fingerprint(&self, sort: Sort) -> [u8; 16] {
        let text = format!(
            "{:?}",
            (
                &self.search,
                &self.category,
                &self.statuses,
                &self.attributes,
                sort
            )
        );
        let mut fingerprint = [0; 16];
        fingerprint.copy_from_slice(&blake3::hash(text.as_bytes()).as_bytes()[..16]);
        fingerprint
    }
}
