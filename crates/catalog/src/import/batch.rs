//! Products that are written in one transaction.

use std::collections::HashSet;

use crate::prepared::Prepared;

/// Products written in one transaction: long enough to pay for the commit, short enough for others to get in between.
const PRODUCTS: usize = 4_000;
/// Text of one batch, whichever is reached first; bounds the memory with long lines.
const BYTES: usize = 4 * 1024 * 1024;

/// Products with different SKUs.
#[derive(Default)]
pub(super) struct Batch {
    products: Vec<Prepared>,
    skus: HashSet<String>,
    bytes: usize,
}

impl Batch {
    /// Whether it has a product with this SKU.
    pub(super) fn has(&self, sku: &str) -> bool {
        self.skus.contains(sku)
    }

    pub(super) fn add(&mut self, new: Prepared) {
        self.bytes += new.product.description.len() + new.attributes.len();
        self.skus.insert(new.product.sku.clone());
        self.products.push(new);
    }

    pub(super) fn is_full(&self) -> bool {
        self.products.len() >= PRODUCTS || self.bytes >= BYTES
    }

    /// Whether both have a product with the same SKU.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        !self.skus.is_disjoint(&other.skus)
    }

    /// How many lines it was read from.
    pub(super) fn lines(&self) -> u64 {
        u64::try_from(self.skus.len()).unwrap_or(u64::MAX)
    }

    /// Its products; what it knows of their SKUs stays.
    pub(super) fn take_products(&mut self) -> Vec<Prepared> {
        std::mem::take(&mut self.products)
    }
}
