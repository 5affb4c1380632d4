//! What becomes of a job whose lease was lost.

use crate::model::{Policy, Reason};
use crate::port::RescueRules;
use crate::states::Event;

/// What is known of a job whose lease is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostLease<'a> {
    /// What it may cost.
    pub policy: &'a Policy,
    /// How often its lease was lost before.
    pub lost_leases: u32,
    /// Its attempt had begun.
    pub had_started: bool,
    /// It ran with nothing beside it in its process.
    pub alone: bool,
    /// How many processes had died on its input before.
    pub crashes: u32,
    /// Somebody asked for its end.
    pub cancel_requested: bool,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The transition.
    pub event: Event,
    /// Why it ends, if it does.
    pub reason: Option<Reason>,
    /// Its input is a suspect from now on.
    pub suspect: bool,
    /// One more process died on its input. That is certain of none beside which others ran: several of those may have had
    /// this input, and it was one death.
    pub counts: bool,
}

/// Decides. A lost lease is no failure, but has a cap of its own. What had started may be what its process died of; it
/// is condemned only after a death that nothing else can have caused: one when it ran alone.
#[must_use]
pub fn after_lost_lease(lost: &LostLease<'_>, rules: RescueRules) -> Verdict {
    let suspect = lost.had_started;
    let counts = suspect && lost.alone;
    let crashes = lost.crashes.saturating_add(1);
    let ends = |event, reason| Verdict {
        event,
        reason: Some(reason),
        suspect,
        counts,
    };
    if counts && crashes >= rules.crashes_to_condemn {
        return ends(Event::GiveUp, Reason::Poison);
    }
    if lost.cancel_requested {
        return ends(Event::Stop, Reason::Cancelled);
    }
    if lost.lost_leases >= u32::from(lost.policy.max_lost_leases) {
        return ends(Event::GiveUp, Reason::LostLease);
    }
    Verdict {
        event: Event::LoseLease,
        reason: None,
        suspect,
        counts,
    }
}
