//! What can be asked of the ledger.

use std::sync::Arc;
use std::time::Duration;

use stanchion_kernel::Uuid;
use stanchion_store::idempotency::IdempotencyKey;

use crate::model::{Lines, State};

/// A change that somebody asks for. It is decided under the locks of its SKUs, once, whatever happens to the answer.
#[derive(Clone, Debug)]
pub struct Command {
    /// What to do.
    pub action: Action,
    /// The caller's idempotency key.
    pub key: Option<IdempotencyKey>,
}

/// What to do.
#[derive(Clone, Debug)]
pub enum Action {
    /// Hold pieces, all lines or none.
    Reserve {
        /// The id that the reservation will have: a second attempt finds the first one's effect by it.
        id: Uuid,
        /// What.
        lines: Lines,
        /// For how long, from the moment of the decision.
        ttl: Duration,
    },
    /// End a hold.
    Settle {
        /// Which reservation.
        id: Uuid,
        /// Its lines as they were reserved; they never change, so that the rows to lock are known before.
        reserved: Lines,
        /// How.
        end: End,
    },
    /// Change what is on hand.
    Adjust {
        /// Of which SKU; it gets a row when pieces come in.
        sku: String,
        /// By how much.
        delta: i64,
        /// Why.
        reason: Option<String>,
        /// The version that the row must have.
        if_version: Option<i64>,
    },
    /// Set the threshold of low stock.
    SetLowStock {
        /// Of which SKU.
        sku: String,
        /// At or below which number of available pieces it is low.
        threshold: i64,
    },
}

/// How a hold ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Its pieces are sold: all, or these; the rest is given back.
    Commit(Option<Lines>),
    /// Its pieces are given back.
    Release,
    /// Its pieces are given back, if its time is over.
    Expire,
}

impl End {
    /// The state that it leads to.
    #[must_use]
    pub fn state(&self) -> State {
        match self {
            Self::Commit(_) => State::Committed,
            Self::Release => State::Released,
            Self::Expire => State::Expired,
        }
    }
}

impl Command {
    /// The SKUs whose rows decide it.
    pub(crate) fn skus(&self) -> Vec<&str> {
        match &self.action {
            Action::Reserve { lines, .. }
            | Action::Settle {
                reserved: lines, ..
            } => lines.skus().collect(),
            Action::Adjust { sku, .. } | Action::SetLowStock { sku, .. } => vec![sku],
        }
    }

    /// The SKU that decides its lane, the lowest.
    pub(crate) fn first_sku(&self) -> &str {
        match &self.action {
            Action::Reserve { lines, .. }
            | Action::Settle {
                reserved: lines, ..
            } => lines.first_sku(),
            Action::Adjust { sku, .. } | Action::SetLowStock { sku, .. } => sku,
        }
    }
}

/// Commands that are decided together, in their order. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The commands.
    pub commands: Arc<[Command]>,
    /// An earlier attempt may have had its effect, unknown to us: look for it first.
    pub again: bool,
    /// How long the outcomes of keyed commands are kept.
    pub keep: Duration,
}

impl Batch {
    /// The SKUs of all commands, each once, in the order in which rows are locked.
    #[must_use]
    pub fn skus(&self) -> Vec<String> {
        let mut skus: Vec<&str> = self.commands.iter().flat_map(Command::skus).collect();
        skus.sort_unstable();
        skus.dedup();
        skus.into_iter().map(str::to_owned).collect()
    }

    /// The reservations that decide it, each once, in order: those to be settled, and on another attempt those that the
    /// first one may have made.
    #[must_use]
    pub fn reservations(&self) -> Vec<Uuid> {
        let ids = self
            .commands
            .iter()
            .filter_map(|command| match command.action {
                Action::Settle { id, .. } => Some(id),
                Action::Reserve { id, .. } => self.again.then_some(id),
                Action::Adjust { .. } | Action::SetLowStock { .. } => None,
            });
        let mut ids: Vec<Uuid> = ids.collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// The keys whose first outcome must be looked for; none on a first attempt, which finds out by their unique index.
    pub fn keys(&self) -> impl Iterator<Item = &IdempotencyKey> {
        let commands = self.commands.iter().filter(|_| self.again);
        commands.filter_map(|command| command.key.as_ref())
    }
}
