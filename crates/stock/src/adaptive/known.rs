use std::collections::HashMap;

use super::gauge::Gauge;

/// What is known of a SKU.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sku {
    pub(super) gauge: Gauge,
    /// Calls that are under way.
    pub(super) under_way: u32,
}

/// The SKUs that were seen lately, in two generations: when the young one is full it becomes the old one, and what was
/// not seen since the last time is forgotten. Both together are bounded by twice the size of a generation.
#[derive(Debug)]
pub(super) struct Known {
    young: HashMap<String, Sku>,
    old: HashMap<String, Sku>,
    generation: usize,
}

impl Known {
    pub(super) fn new(generation: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            generation: generation.max(1),
        }
    }

    pub(super) fn get(&self, sku: &str) -> Option<&Sku> {
        self.young.get(sku).or_else(|| self.old.get(sku))
    }

    pub(super) fn entry(&mut self, sku: &str) -> &mut Sku {
        if !self.young.contains_key(sku) {
            if self.young.len() >= self.generation {
                self.old = std::mem::take(&mut self.young);
            }
            let known = self.old.remove(sku).unwrap_or_default();
            self.young.insert(sku.to_owned(), known);
        }
        self.young.entry(sku.to_owned()).or_default()
    }
}
