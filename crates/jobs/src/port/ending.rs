//! What a settlement, or a lost lease, does to a job's row.

use std::collections::BTreeMap;
use std::time::Duration;

use stanchion_store::StoreError;

use super::{Verdict, corrupt};
use crate::model::{Fence, Outcome, Reason, Settlement, UniqueScope, message};
use crate::rescue;
use crate::states::State;

/// The change of a running job's row.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    pub(crate) fence: Fence,
    /// Where it goes.
    pub(crate) to: State,
    /// How long it waits; unchanged when it says nothing.
    pub(crate) after: Option<Duration>,
    /// The attempt counts as a failure.
    pub(crate) failed: bool,
    /// The lease was lost.
    pub(crate) lost: bool,
    /// Why the attempt ended, unless it did what it should.
    pub(crate) reason: Option<Reason>,
    pub(crate) message: Option<String>,
    /// A process died on it, or may have. Of poison that is so only if its attempt had begun, which its row tells.
    pub(crate) crash: bool,
    /// That death is one more of its input's; otherwise it only makes the input a suspect.
    pub(crate) counts: bool,
    /// No process died on it although it ran.
    pub(crate) acquitted: bool,
}

impl Ending {
    pub(crate) fn of(settlement: Settlement) -> Result<Self, StoreError> {
        let Settlement { fence, outcome } = settlement;
        let to = State::Running.after(outcome.event());
        let reason = outcome.reason();
        // The death that condemns an input is one more of its own.
        let crash = reason.is_some_and(|reason| reason.is_crash() || reason == Reason::Poison);
        let (failed, lived) = match &outcome {
            Outcome::Retry { .. } => (true, true),
            Outcome::Completed | Outcome::Snooze { .. } | Outcome::Cancelled => (false, true),
            Outcome::Dead { reason, .. } => (reason.is_failure(), reason.is_failure()),
            // It may not have begun, or not come far.
            Outcome::GiveBack | Outcome::Park => (false, false),
        };
        let (after, text) = match outcome {
            Outcome::Retry { after, message, .. } => (Some(after), Some(message)),
            Outcome::Snooze { after } => (Some(after), None),
            Outcome::Dead { message, .. } => (None, Some(message)),
            Outcome::Completed | Outcome::GiveBack | Outcome::Park | Outcome::Cancelled => {
                (None, None)
            }
        };
        Ok(Self {
            fence,
            to: to.ok_or_else(|| corrupt("no such transition"))?,
            after,
            failed,
            lost: false,
            reason,
            message: text.map(|text| message(&text)),
            crash,
            counts: crash,
            acquitted: !crash && lived,
        })
    }

    pub(crate) fn of_lost_lease(
        fence: Fence,
        verdict: rescue::Verdict,
    ) -> Result<Self, StoreError> {
        let to = State::Running.after(verdict.event);
        Ok(Self {
            fence,
            to: to.ok_or_else(|| corrupt("no such transition"))?,
            after: None,
            failed: false,
            lost: true,
            reason: Some(verdict.reason.unwrap_or(Reason::LostLease)),
            message: Some("the lease ran out".to_owned()),
            crash: verdict.suspect,
            counts: verdict.counts,
            acquitted: false,
        })
    }

    /// What becomes of it when somebody wants the job to end: it does not wait again.
    pub(crate) fn stopped(&self) -> Self {
        Self {
            to: State::Cancelled,
            ..self.clone()
        }
    }

    /// The scope from which on a unique job keeps its place.
    pub(crate) fn keeps(&self) -> i16 {
        keeps(self.to)
    }
}

/// The number of the smallest scope that outlasts a state; more than any when none does.
pub(crate) fn keeps(state: State) -> i16 {
    let outlasting = UniqueScope::ALL
        .into_iter()
        .find(|scope| scope.outlasts(state));
    outlasting.map_or(i16::MAX, UniqueScope::number)
}

/// Whether somebody may claim at once what these settle.
pub(crate) fn offers(settlements: &[Settlement]) -> bool {
    let offers = |settlement: &Settlement| match settlement.outcome {
        Outcome::GiveBack => true,
        Outcome::Retry { after, .. } | Outcome::Snooze { after } => after.is_zero(),
        Outcome::Completed | Outcome::Dead { .. } | Outcome::Park | Outcome::Cancelled => false,
    };
    settlements.iter().any(offers)
}

/// Endings by fence, in the order in which rows are locked everywhere. Of two for one fence the first counts.
pub(crate) fn by_fence(
    settlements: Vec<Settlement>,
) -> Result<(Vec<Fence>, Vec<Ending>), StoreError> {
    let fences = settlements.iter().map(|settlement| settlement.fence);
    let fences: Vec<Fence> = fences.collect();
    let mut endings = BTreeMap::new();
    for settlement in settlements {
        let ending = Ending::of(settlement)?;
        endings.entry(ending.fence).or_insert(ending);
    }
    Ok((fences, endings.into_values().collect()))
}

/// What each call is told, when these fences held. The second call with one fence finds it gone.
pub(crate) fn verdicts(asked: &[Fence], held: impl IntoIterator<Item = Fence>) -> Vec<Verdict> {
    let mut held: std::collections::HashSet<Fence> = held.into_iter().collect();
    let verdict = |fence| match held.remove(fence) {
        true => Verdict::Held,
        false => Verdict::Lost,
    };
    asked.iter().map(verdict).collect()
}
