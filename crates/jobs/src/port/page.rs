//! What is looked for in the two tables, and a page of what was found.

use super::{Filter, Page};
use crate::model::{JobId, JobRow};
use crate::states::State;

/// What is looked for.
#[derive(Clone, Debug)]
pub(crate) struct Sought {
    pub(crate) id: Option<JobId>,
    pub(crate) before: Option<JobId>,
    pub(crate) filter: Filter,
    pub(crate) limit: u32,
}

impl Sought {
    pub(crate) fn one(id: JobId) -> Self {
        Self {
            id: Some(id),
            before: None,
            filter: Filter::default(),
            limit: 1,
        }
    }

    pub(crate) fn page(filter: &Filter, before: Option<JobId>, limit: u32) -> Self {
        Self {
            id: None,
            before,
            filter: filter.clone(),
            limit,
        }
    }

    /// Whether it may be among what has not ended: that has no reason.
    pub(crate) fn among_live(&self) -> bool {
        self.filter.reason.is_none() && self.filter.state.is_none_or(|state| !state.is_final())
    }

    /// Whether it may be in the history.
    pub(crate) fn among_ended(&self) -> bool {
        self.filter.state.is_none_or(State::is_final)
    }

    /// The optional lines of the statements.
    pub(crate) fn features(&self) -> Vec<&'static str> {
        let filter = &self.filter;
        let wanted = [
            ("id", self.id.is_some()),
            ("before", self.before.is_some()),
            ("state", filter.state.is_some()),
            ("done", filter.state == Some(State::Completed)),
            ("queue", filter.queue.is_some()),
            ("kind", filter.kind.is_some()),
            ("reason", filter.reason.is_some()),
            ("input", filter.input.is_some()),
        ];
        let wanted = wanted.into_iter().filter(|(_, wanted)| *wanted);
        wanted.map(|(name, _)| name).collect()
    }
}

/// The newest of what was found. A job that moved to the history between the two looks is there twice.
pub(crate) fn paged(mut jobs: Vec<JobRow>, limit: u32) -> Page {
    jobs.sort_by(|a, b| b.id.cmp(&a.id).then(b.state.cmp(&a.state)));
    jobs.dedup_by_key(|job| job.id);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = jobs.len() >= limit;
    jobs.truncate(limit);
    let next = jobs.last().map(|job| job.id).filter(|_| more);
    Page { jobs, next }
}
