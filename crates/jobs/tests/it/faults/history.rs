//! What must be true of jobs and their effects, whatever happened. Pure.

use std::collections::{BTreeMap, BTreeSet};

use stanchion_jobs::{JobId, JobRow, MAX_ATTEMPTS_KEPT, Reason, State};

use super::work::{Effect, Plan};

/// A job that somebody enqueued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) plan: Plan,
    /// It was told that the job is there; otherwise nobody knows.
    pub(super) acknowledged: bool,
}

/// How the queue accounts for a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) id: JobId,
    pub(super) state: State,
    pub(super) reason: Option<Reason>,
    pub(super) attempt: u32,
    pub(super) failures: u32,
    pub(super) max_attempts: u32,
    pub(super) lost_leases: u32,
    pub(super) max_lost_leases: u32,
    /// The attempts that ended otherwise than completed, the oldest first.
    pub(super) ended: Vec<(u32, Reason)>,
}

impl Account {
    pub(super) fn of(job: &JobRow) -> Self {
        let ended = job.attempts.iter();
        Self {
            id: job.id,
            state: job.state,
            reason: job.reason,
            attempt: job.attempt,
            failures: job.failures,
            max_attempts: job.policy.max_attempts.into(),
            lost_leases: job.lost_leases,
            max_lost_leases: job.policy.max_lost_leases.into(),
            ended: ended.map(|one| (one.number, one.reason)).collect(),
        }
    }

    /// Whether every attempt is told: those that did not complete are kept, up to a bound.
    fn is_complete(&self) -> bool {
        let completed = u32::from(self.state == State::Completed);
        let last = self.attempt.saturating_sub(completed);
        let kept = u32::try_from(MAX_ATTEMPTS_KEPT).unwrap_or(u32::MAX);
        let told = (last.saturating_sub(kept) + 1)..=last;
        let failures = self.ended.iter().filter(|(_, reason)| reason.is_failure());
        let counted = u32::try_from(failures.count()).unwrap_or(u32::MAX);
        let failures_agree = last > kept || counted == self.failures;
        failures_agree && self.ended.iter().map(|(number, _)| *number).eq(told)
    }
}

/// What is wrong with a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Breach {
    /// It was acknowledged, and is not there.
    Lost,
    /// Nobody asked for it.
    Unasked,
    /// It is there twice.
    Doubled,
    /// It has not ended.
    Unfinished(State),
    /// It completed, and its effect is not there.
    NoEffect,
    /// Its effect is there more often than once.
    Repeated(usize),
    /// It did not complete, and its effect is there.
    EffectOfNothing,
    /// Its effect is of an attempt that did not complete it.
    EffectOfAnOldAttempt,
    /// More attempts failed, or more leases were lost, than its policy allows.
    TooManyAttempts,
    /// Not every attempt is accounted for.
    Unaccounted,
    /// It is healthy, and was not done.
    Condemned(State, Option<Reason>),
    /// It is poison, and no dead letter.
    Spared(State),
    /// It is a dead letter for another reason than its own.
    WrongReason(Option<Reason>),
}

/// What was asked for, and what came of it.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    pub(super) asked: BTreeMap<JobId, Asked>,
    pub(super) accounts: Vec<Account>,
    pub(super) effects: Vec<Effect>,
}

impl History {
    /// All that is wrong; nothing when every promise was kept.
    pub(super) fn breaches(&self) -> Vec<(JobId, Breach)> {
        let mut breaches = Vec::new();
        let mut effects: BTreeMap<JobId, Vec<u32>> = BTreeMap::new();
        for effect in &self.effects {
            effects.entry(effect.job).or_default().push(effect.attempt);
        }
        let mut seen = BTreeSet::new();
        for account in &self.accounts {
            let of = effects.remove(&account.id).unwrap_or_default();
            let is_first = seen.insert(account.id);
            let doubled = (!is_first).then_some(Breach::Doubled);
            let found = doubled
                .into_iter()
                .chain(about_effects(account, &of))
                .chain(about_attempts(account))
                .chain(about_end(account, self.asked.get(&account.id)));
            breaches.extend(found.map(|breach| (account.id, breach)));
        }
        breaches.extend(
            effects
                .into_keys()
                .map(|job| (job, Breach::EffectOfNothing)),
        );
        let acknowledged = self.asked.iter().filter(|(_, asked)| asked.acknowledged);
        let lost = acknowledged.filter(|(id, _)| !seen.contains(id));
        breaches.extend(lost.map(|(id, _)| (*id, Breach::Lost)));
        breaches
    }

    /// Whether leases were lost, and every kind of poison met; otherwise it says little that nothing is wrong.
    pub(super) fn is_telling(&self) -> bool {
        let plans: BTreeSet<Plan> = self.asked.values().map(|asked| asked.plan).collect();
        plans.len() == 5 && self.accounts.iter().any(|account| account.lost_leases > 0)
    }

    pub(super) fn summary(&self) -> String {
        let count = |state| {
            let ended = self.accounts.iter().filter(|one| one.state == state);
            ended.count()
        };
        let lost: u32 = self.accounts.iter().map(|one| one.lost_leases).sum();
        let known = self.asked.values().filter(|asked| asked.acknowledged);
        format!(
            "{} jobs acknowledged of {}: {} completed, {} dead letters, {} effects, {lost} leases lost",
            known.count(),
            self.asked.len(),
            count(State::Completed),
            count(State::Dead),
            self.effects.len(),
        )
    }
}

fn about_effects(account: &Account, of: &[u32]) -> Option<Breach> {
    match (account.state, of) {
        (State::Completed, []) => Some(Breach::NoEffect),
        (State::Completed, [attempt]) if *attempt == account.attempt => None,
        (State::Completed, [_]) => Some(Breach::EffectOfAnOldAttempt),
        (_, []) => None,
        (_, [_]) => Some(Breach::EffectOfNothing),
        (_, several) => Some(Breach::Repeated(several.len())),
    }
}

fn about_attempts(account: &Account) -> impl Iterator<Item = Breach> {
    let allowed = account.failures <= account.max_attempts
        // Once more than it may ends it.
        && account.lost_leases <= account.max_lost_leases + 1;
    let told = account.is_complete();
    let too_many = (!allowed).then_some(Breach::TooManyAttempts);
    let unaccounted = (!told).then_some(Breach::Unaccounted);
    too_many.into_iter().chain(unaccounted)
}

fn about_end(account: &Account, asked: Option<&Asked>) -> Option<Breach> {
    let Some(asked) = asked else {
        return Some(Breach::Unasked);
    };
    let (state, reason) = (account.state, account.reason);
    match (state, asked.plan.ends_as()) {
        (state, _) if !state.is_final() => Some(Breach::Unfinished(state)),
        (State::Completed, None) => None,
        (state, None) => Some(Breach::Condemned(state, reason)),
        (State::Dead, poison) if reason == poison => None,
        (State::Dead, _) => Some(Breach::WrongReason(reason)),
        (state, _) => Some(Breach::Spared(state)),
    }
}

#[cfg(test)]
mod tests;
