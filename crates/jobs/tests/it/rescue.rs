use proptest::prelude::*;
use stanchion_jobs::port::RescueRules;
use stanchion_jobs::rescue::{LostLease, after_lost_lease};
use stanchion_jobs::{Event, Policy, Reason, State};

fn policy(max_lost_leases: u16) -> Policy {
    Policy {
        max_lost_leases,
        ..Policy::default()
    }
}

fn lost(policy: &Policy) -> LostLease<'_> {
    LostLease {
        policy,
        lost_leases: 0,
        had_started: true,
        alone: false,
        crashes: 0,
        cancel_requested: false,
    }
}

proptest! {
    #[test]
    fn a_lost_lease_leads_to_a_transition_and_ends_within_its_cap(
        most in 1_u16..1000, lost_leases in 0_u32..2000, had_started: bool, alone: bool, crashes in 0_u32..5,
        cancel_requested: bool, crashes_to_condemn in 1_u32..5,
    ) {
        let policy = policy(most);
        let lost = LostLease { policy: &policy, lost_leases, had_started, alone, crashes, cancel_requested };
        let verdict = after_lost_lease(&lost, RescueRules { crashes_to_condemn, ..RescueRules::default() });
        let to = State::Running.after(verdict.event).unwrap();
        prop_assert_eq!(to.is_final(), verdict.reason.is_some());
        prop_assert!(lost_leases < u32::from(most) || to.is_final());
        // Who shared its process, or never began, is never condemned.
        prop_assert!(verdict.reason != Some(Reason::Poison) || (alone && had_started));
        prop_assert_eq!(verdict.suspect, had_started);
        prop_assert_eq!(verdict.counts, alone && had_started);
    }
}

#[test]
fn the_second_death_condemns_if_nothing_ran_beside() {
    let policy = policy(5);
    let rules = RescueRules::default();
    let first = after_lost_lease(&lost(&policy), rules);
    assert_eq!((first.event, first.suspect), (Event::LoseLease, true));
    let alone = LostLease {
        alone: true,
        crashes: 1,
        ..lost(&policy)
    };
    let second = after_lost_lease(&alone, rules);
    assert_eq!(
        (second.event, second.reason),
        (Event::GiveUp, Some(Reason::Poison))
    );
    let shared = LostLease {
        crashes: 1,
        ..lost(&policy)
    };
    assert_eq!(after_lost_lease(&shared, rules).event, Event::LoseLease);
}

#[test]
fn the_cap_is_how_often_a_lease_may_be_lost() {
    let policy = policy(2);
    let rules = RescueRules::default();
    let events = [0, 1, 2].map(|lost_leases| {
        let lost = LostLease {
            lost_leases,
            had_started: false,
            ..lost(&policy)
        };
        after_lost_lease(&lost, rules).event
    });
    assert_eq!(events, [Event::LoseLease, Event::LoseLease, Event::GiveUp]);
}
