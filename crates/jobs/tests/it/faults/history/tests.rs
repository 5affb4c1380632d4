use stanchion_kernel::Uuid;

use super::*;

const JOB: JobId = JobId(Uuid::from_u128(1));

/// A job that was done by its second attempt, after its first one failed.
fn done() -> History {
    let asked = Asked {
        plan: Plan::Stumbles,
        acknowledged: true,
    };
    let account = Account {
        id: JOB,
        state: State::Completed,
        reason: None,
        attempt: 2,
        failures: 1,
        max_attempts: 3,
        lost_leases: 0,
        max_lost_leases: 5,
        ended: vec![(1, Reason::Error)],
    };
    let effect = Effect {
        job: JOB,
        attempt: 2,
    };
    History {
        asked: BTreeMap::from([(JOB, asked)]),
        accounts: vec![account],
        effects: vec![effect],
    }
}

/// A job that was poison, and is a dead letter.
fn dead() -> History {
    let mut history = done();
    history.asked.get_mut(&JOB).unwrap().plan = Plan::Panics;
    history.effects.clear();
    let account = &mut history.accounts[0];
    account.state = State::Dead;
    account.reason = Some(Reason::Panic);
    account.failures = 2;
    account.ended = vec![(1, Reason::Panic), (2, Reason::Panic)];
    history
}

/// What is wrong with a history that was right before this change.
fn after(mut history: History, change: impl FnOnce(&mut History)) -> Vec<Breach> {
    assert_eq!(history.breaches(), []);
    change(&mut history);
    let breaches = history.breaches().into_iter();
    breaches.map(|(_, breach)| breach).collect()
}

#[test]
fn what_is_lost_doubled_or_unasked_is_seen() {
    let lost = after(dead(), |history| history.accounts.clear());
    assert_eq!(lost, [Breach::Lost]);
    let unknown = after(dead(), |history| {
        history.accounts.clear();
        history.asked.get_mut(&JOB).unwrap().acknowledged = false;
    });
    assert_eq!(unknown, []);
    let unasked = after(dead(), |history| history.asked.clear());
    assert_eq!(unasked, [Breach::Unasked]);
    let doubled = after(dead(), |history| {
        let again = history.accounts[0].clone();
        history.accounts.push(again);
    });
    assert_eq!(doubled, [Breach::Doubled]);
}

#[test]
fn an_effect_that_is_missing_or_too_much_is_seen() {
    assert_eq!(
        after(done(), |history| history.effects.clear()),
        [Breach::NoEffect]
    );
    let repeated = after(done(), |history| {
        let again = history.effects[0];
        history.effects.push(again);
    });
    assert_eq!(repeated, [Breach::Repeated(2)]);
    let old = after(done(), |history| history.effects[0].attempt = 1);
    assert_eq!(old, [Breach::EffectOfAnOldAttempt]);
    let nothing = after(dead(), |history| history.effects = done().effects);
    assert_eq!(nothing, [Breach::EffectOfNothing]);
    let nobody = after(done(), |history| {
        let job = JobId(Uuid::from_u128(2));
        history.effects.push(Effect { job, attempt: 1 });
    });
    assert_eq!(nobody, [Breach::EffectOfNothing]);
}

#[test]
fn an_end_that_is_not_the_jobs_own_is_seen() {
    let waiting = after(dead(), |history| {
        history.accounts[0].state = State::Waiting;
    });
    assert_eq!(waiting, [Breach::Unfinished(State::Waiting)]);
    let condemned = after(dead(), |history| {
        history.asked.get_mut(&JOB).unwrap().plan = Plan::Healthy;
    });
    let expected = Breach::Condemned(State::Dead, Some(Reason::Panic));
    assert_eq!(condemned, [expected]);
    let spared = after(done(), |history| {
        history.asked.get_mut(&JOB).unwrap().plan = Plan::Aborts;
    });
    assert_eq!(spared, [Breach::Spared(State::Completed)]);
    let other = after(dead(), |history| {
        history.accounts[0].reason = Some(Reason::LostLease);
    });
    assert_eq!(other, [Breach::WrongReason(Some(Reason::LostLease))]);
}

#[test]
fn an_attempt_that_is_too_much_or_untold_is_seen() {
    let failures = after(dead(), |history| history.accounts[0].max_attempts = 1);
    assert_eq!(failures, [Breach::TooManyAttempts]);
    let leases = after(dead(), |history| history.accounts[0].lost_leases = 7);
    assert_eq!(leases, [Breach::TooManyAttempts]);
    let gap = after(dead(), |history| {
        history.accounts[0].ended[0] = (2, Reason::Panic);
    });
    assert_eq!(gap, [Breach::Unaccounted]);
    let untold = after(dead(), |history| {
        history.accounts[0].ended[0] = (1, Reason::LostLease);
    });
    assert_eq!(untold, [Breach::Unaccounted]);
}
