use crate::bucket::Shape;

/// How a limit's bucket is divided. Amounts are in units, of which a token has the same number on every node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    burst: u64,
    pub(super) units_per_token: u64,
    units_per_micro: u64,
    holders: u64,
    nodes: u64,
    first: u64,
}

impl Split {
    /// Divides a bucket between `nodes`, 1 or more. When the burst has fewer tokens than there are nodes, only so many
    /// have a share. `first` is the node that has the first one; choosing it by the key spreads them.
    #[must_use]
    pub fn new(shape: Shape, nodes: u16, first: u16) -> Self {
        let nodes = u64::from(nodes.max(1));
        let holders = nodes.min(shape.burst());
        Self {
            burst: shape.burst(),
            units_per_token: shape.units_per_token() * holders,
            units_per_micro: shape.units_per_micro(),
            holders,
            nodes,
            first: u64::from(first) % nodes,
        }
    }

    /// Tokens as units; tokens beyond the burst count as the burst.
    #[must_use]
    pub fn units(self, tokens: u64) -> u64 {
        tokens.min(self.burst) * self.units_per_token
    }

    /// Whole tokens in so many units.
    #[must_use]
    pub fn tokens(self, units: u64) -> u64 {
        units / self.units_per_token
    }

    fn place(self, node: u16) -> u64 {
        (u64::from(node) % self.nodes + self.nodes - self.first) % self.nodes
    }

    /// The cap of a node's share.
    #[must_use]
    pub fn cap(self, node: u16) -> u64 {
        let place = self.place(node);
        if place >= self.holders {
            return 0;
        }
        let tokens = self.burst / self.holders + u64::from(place < self.burst % self.holders);
        self.units(tokens)
    }

    /// What a microsecond adds to a node's share.
    #[must_use]
    pub fn fill(self, node: u16) -> u64 {
        if self.place(node) < self.holders {
            self.units_per_micro
        } else {
            0
        }
    }
}
