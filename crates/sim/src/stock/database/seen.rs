use stanchion_kernel::Timestamp;
use stanchion_stock::command::{Action, Batch, Command};
use stanchion_stock::decide::{Plan, View};
use stanchion_stock::{Outcome, Refusal};

use super::tables::scope;
use crate::stock::history::Decision;

/// What was read, and after how many events each part of it was.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) view: View,
    /// The database's clock then.
    pub(crate) at: Timestamp,
    /// When it was seen which rows there are.
    pub(super) absent: usize,
    pub(super) rows: usize,
    pub(super) known: usize,
    pub(super) reservations: usize,
}

impl Seen {
    /// What is to be recorded of a batch that was decided on this. A plan that changes rows has its moment at the
    /// commit, up to which they stay as they were seen; everything else at the moment when it was read.
    pub(crate) fn decisions(
        &self,
        server: usize,
        batch: &Batch,
        outcomes: &[Outcome],
        plan: &Plan,
    ) -> Vec<Decision> {
        let mut decisions: Vec<Decision> = Vec::new();
        for (command, outcome) in batch.commands.iter().zip(outcomes) {
            let earlier = self.earlier(command, outcome, plan);
            let (is_commit, position) = match earlier {
                Some(position) => (false, position),
                None => (true, 0),
            };
            let decided = (command.clone(), outcome.clone());
            // Not only the last: what is refused at an earlier moment may stand between two that are committed together.
            let mut earlier = decisions.iter_mut();
            let same = earlier.find(|one| (one.is_commit, one.position) == (is_commit, position));
            match same {
                Some(last) => last.decided.push(decided),
                None => decisions.push(Decision {
                    server,
                    position,
                    is_commit,
                    at: self.at,
                    ended: self.at,
                    keep: batch.keep,
                    decided: vec![decided],
                    rows: Vec::new(),
                }),
            }
        }
        decisions
    }

    /// The moment of a command that does not have it at the commit.
    fn earlier(&self, command: &Command, outcome: &Outcome, plan: &Plan) -> Option<usize> {
        let is_there = |sku: &str| {
            let written = plan.rows.iter().any(|(_, row)| row.sku == sku);
            written || self.view.rows.iter().any(|row| row.sku == sku)
        };
        let key = command.key.as_ref().map(scope);
        let is_known = key.is_some_and(|key| {
            let mut known = self.view.known.iter();
            known.any(|known| scope(&known.key) == key)
        });
        let (skus, read): (Vec<&str>, usize) = match &command.action {
            Action::Reserve { id, lines, .. } => {
                let found = self.view.reservations.iter().any(|one| one.id == *id);
                let read = if found { self.reservations } else { self.rows };
                (lines.skus().collect(), read)
            }
            Action::Settle { reserved, .. } => (reserved.skus().collect(), self.reservations),
            Action::Adjust { sku, .. } | Action::SetLowStock { sku, .. } => (vec![sku], self.rows),
        };
        let all_there = skus.into_iter().all(is_there);
        // The key's first request may be in this very batch, and stays before it.
        let reused = *outcome == Outcome::Refused(Refusal::KeyReused);
        match (is_known, all_there || reused) {
            (true, _) if plan.rows.is_empty() => Some(self.known),
            (false, false) => Some(self.absent),
            _ => plan.rows.is_empty().then_some(read),
        }
    }
}
