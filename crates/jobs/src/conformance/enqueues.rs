use std::time::Duration;

use super::{Subject, dead, kind, queue};
use crate::model::{
    Args, Backoff, Enqueued, InputHash, Jitter, NewJob, Outcome, Policy, Priority, Reason, RunAt,
    Traceparent, Unique, UniqueScope,
};
use crate::states::State;

pub(super) async fn a_job_is_told_as_it_was_given(subject: Subject) {
    let args = Args::parse("{\"text\": \"a \\u0000 and \u{1f980}\", \"n\": 1e300}");
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let given = NewJob {
        priority: Priority::MOST_URGENT,
        input: InputHash([7; 32]),
        run_at: RunAt::Now,
        policy: Policy {
            max_attempts: 3,
            max_lost_leases: 2,
            timeout: Duration::from_millis(1500),
            backoff: Backoff {
                base: Duration::from_micros(10),
                cap: Duration::from_secs(60),
                jitter: Jitter::Equal,
            },
        },
        traceparent: Traceparent::new(parent).ok(),
        ..NewJob::new(
            subject.id(),
            kind("render"),
            queue("pictures"),
            args.expect("JSON"),
        )
    };
    subject.enqueue(vec![given.clone()]).await;
    let told = subject
        .other
        .job(given.id)
        .await
        .expect("an answer")
        .expect("a job");
    assert_eq!(told.state, State::Waiting);
    assert_eq!(
        (told.kind, told.queue, told.priority),
        (given.kind, given.queue, given.priority)
    );
    assert_eq!(
        (told.args, told.input, told.policy),
        (given.args, given.input, given.policy)
    );
    assert_eq!(told.traceparent, given.traceparent);
    assert_eq!((told.attempt, told.failures, told.lost_leases), (0, 0, 0));
    assert_eq!(told.created_at, told.run_at);
}

pub(super) async fn a_unique_job_is_enqueued_once_by_two_servers(subject: Subject) {
    for round in 0..10 {
        let what = format!("round {round}");
        let (one, two) = (unique(&subject, &what), unique(&subject, &what));
        let (first, second) = tokio::join!(
            subject.port.enqueue(None, vec![one.clone()]),
            subject.other.enqueue(None, vec![two.clone()])
        );
        let (first, second) = (first.expect("an answer")[0], second.expect("an answer")[0]);
        assert_eq!(first.id(), second.id());
        let (new, kept) = match first {
            Enqueued::New(id) => (id, two.id),
            Enqueued::Duplicate { of } => (of, one.id),
        };
        assert_eq!(subject.state(new).await, State::Waiting);
        assert_eq!(subject.port.job(kept).await.expect("an answer"), None);
    }
}

pub(super) async fn a_unique_job_keeps_others_away_while_it_is_in_scope(subject: Subject) {
    for scope in UniqueScope::ALL {
        let what = format!("{scope:?}");
        let one = scoped(&subject, &what, scope);
        let id = one.id;
        subject.enqueue(vec![one]).await;
        let is_kept_away = async || {
            let another = scoped(&subject, &what, scope);
            let mut tx = subject.store.begin().await.expect("begun");
            let enqueued = subject.port.enqueue(Some(&mut tx), vec![another]).await;
            tx.rollback().await.expect("undone");
            enqueued.expect("an answer")[0] == Enqueued::Duplicate { of: id }
        };
        assert!(is_kept_away().await, "{scope:?} waiting");
        let claimed = subject.claim_one().await;
        let is_beyond = scope > UniqueScope::Unstarted;
        assert_eq!(is_kept_away().await, is_beyond, "{scope:?} running");
        subject.end(claimed.fence, dead(Reason::Error)).await;
        let is_beyond = scope > UniqueScope::Unfinished;
        assert_eq!(is_kept_away().await, is_beyond, "{scope:?} dead");
        if scope == UniqueScope::Remembered {
            let one = scoped(&subject, "another", scope);
            let id = one.id;
            subject.enqueue(vec![one]).await;
            let claimed = subject.claim_one().await;
            subject.end(claimed.fence, Outcome::Completed).await;
            let again = scoped(&subject, "another", scope);
            let again = subject.port.enqueue(None, vec![again]).await;
            assert_eq!(again.expect("an answer")[0].id(), id);
        }
    }
}

pub(super) async fn of_two_unique_jobs_in_one_call_the_first_is_enqueued(subject: Subject) {
    let jobs = vec![
        unique(&subject, "a"),
        unique(&subject, "a"),
        subject.work("a"),
    ];
    let ids: Vec<_> = jobs.iter().map(|job| job.id).collect();
    let enqueued = subject.port.enqueue(None, jobs).await;
    let expected = [
        Enqueued::New(ids[0]),
        Enqueued::Duplicate { of: ids[0] },
        Enqueued::New(ids[2]),
    ];
    assert_eq!(enqueued.expect("an answer"), expected);
}

pub(super) fn unique(subject: &Subject, what: &str) -> NewJob {
    scoped(subject, what, UniqueScope::Unfinished)
}

fn scoped(subject: &Subject, what: &str, scope: UniqueScope) -> NewJob {
    let key = Unique::key(&kind("work"), what.as_bytes());
    NewJob {
        unique: Some(Unique { key, scope }),
        ..subject.work(what)
    }
}
