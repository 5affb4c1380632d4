use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use stanchion_jobs::conformance::Subject;
use stanchion_jobs::{
    Context, Enqueued, Failure, Job, JobId, JobRow, NewJob, Policy, Reason, State, Traceparent,
    UniqueScope, WorkerConfig,
};

use super::bench::{Work, becomes, config, enqueue, handlers, jobs, nothing, row, start, works};

fn reasons(job: &JobRow) -> Vec<Reason> {
    job.attempts.iter().map(|attempt| attempt.reason).collect()
}

pub(super) async fn jobs_are_done_once_each(subject: Subject) {
    let done = Arc::new(Mutex::new(BTreeMap::new()));
    let seen = Arc::clone(&done);
    let worker = works(&subject, move |what: String, context: Context| {
        *seen.lock().unwrap().entry(what).or_insert(0) += 1;
        assert_eq!(context.attempt(), 1);
        async { Ok(()) }
    });
    let whats: Vec<String> = (0..500).map(|n| n.to_string()).collect();
    let new: Vec<NewJob> = whats
        .iter()
        .map(|what| jobs(&subject).job::<Work>(what).unwrap())
        .collect();
    let ids: Vec<_> = new.iter().map(|job| job.id).collect();
    jobs(&subject).enqueue_all(None, new).await.unwrap();
    for id in ids {
        becomes(&subject, id, State::Completed).await;
    }
    worker.stop().await;
    let expected = whats.into_iter().map(|what| (what, 1)).collect();
    assert_eq!(*done.lock().unwrap(), expected);
}

pub(super) async fn a_failure_is_tried_again_until_it_is_a_dead_letter(subject: Subject) {
    let worker = works(&subject, |what: String, context: Context| async move {
        assert_eq!(context.is_last_attempt(), context.attempt() == 3);
        match (&*what, context.attempt()) {
            ("fails", _) | ("recovers", 1) => Err(Failure::from(std::io::Error::other("no disk"))),
            _ => Ok(()),
        }
    });
    let (fails, recovers) = (
        enqueue(&subject, "fails").await,
        enqueue(&subject, "recovers").await,
    );
    let letter = becomes(&subject, fails, State::Dead).await;
    assert_eq!(reasons(&letter), [Reason::Error; 3]);
    assert_eq!((letter.reason, letter.failures), (Some(Reason::Error), 3));
    assert!(
        letter
            .attempts
            .iter()
            .all(|attempt| attempt.message == "no disk")
    );
    let done = becomes(&subject, recovers, State::Completed).await;
    assert_eq!((done.attempt, done.failures), (2, 1));
    worker.stop().await;
}

pub(super) async fn a_panic_is_counted_apart_and_takes_nobody_with_it(subject: Subject) {
    let worker = works(&subject, |what: String, _context: Context| async move {
        assert!(what != "panics", "no such picture");
        Ok(())
    });
    let panics = enqueue(&subject, "panics").await;
    let mut others = Vec::new();
    for n in 0..20 {
        others.push(enqueue(&subject, &n.to_string()).await);
    }
    let letter = becomes(&subject, panics, State::Dead).await;
    assert_eq!(reasons(&letter), [Reason::Panic; 3]);
    assert!(letter.message.unwrap().contains("no such picture"));
    for id in others {
        assert_eq!(becomes(&subject, id, State::Completed).await.attempt, 1);
    }
    worker.stop().await;
}

/// Seconds. Reading what is no span of time panics.
#[derive(Serialize, Deserialize)]
#[serde(from = "f64")]
struct Seconds(f64);

impl From<f64> for Seconds {
    fn from(seconds: f64) -> Self {
        Self(Duration::from_secs_f64(seconds).as_secs_f64())
    }
}

struct Wait;

impl Job for Wait {
    const KIND: &'static str = "wait";
    type Args = Seconds;

    fn queue() -> &'static str {
        "main"
    }

    fn policy() -> Policy {
        Work::policy()
    }
}

pub(super) async fn arguments_whose_reading_panics_take_nobody_with_them(subject: Subject) {
    let both = handlers::<Work>(nothing);
    let both = both.with::<Wait>(|_wait: Seconds, _context: Context| async { Ok(()) });
    let worker = start(&subject, both.unwrap(), config("one"));
    let enqueued = jobs(&subject).enqueue::<Wait>(None, &Seconds(-1.0)).await;
    let letter = becomes(&subject, enqueued.unwrap().id(), State::Dead).await;
    assert_eq!(reasons(&letter), [Reason::Panic; 3]);
    let other = enqueue(&subject, "other").await;
    becomes(&subject, other, State::Completed).await;
    worker.stop().await;
}

/// A job that is given little time.
async fn enqueue_hasty(subject: &Subject) -> JobId {
    let job = jobs(subject).job::<Work>(&"hasty".to_owned()).unwrap();
    let policy = Policy {
        timeout: Duration::from_millis(80),
        ..job.policy.clone()
    };
    let id = job.id;
    let hasty = NewJob { policy, ..job };
    jobs(subject).enqueue_all(None, vec![hasty]).await.unwrap();
    id
}

pub(super) async fn a_handler_that_hangs_is_ended_after_its_time(subject: Subject) {
    let worker = works(&subject, |_what: String, context: Context| async move {
        match context.attempt() {
            1 => pending().await,
            _ => Ok(()),
        }
    });
    let id = enqueue_hasty(&subject).await;
    let done = becomes(&subject, id, State::Completed).await;
    assert_eq!(reasons(&done), [Reason::Timeout]);
    worker.stop().await;
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("it went off");
    }
}

pub(super) async fn a_handler_that_panics_when_it_is_dropped_has_ended_all_the_same(
    subject: Subject,
) {
    let worker = works(&subject, |_what: String, context: Context| async move {
        if context.attempt() == 1 {
            let _bomb = Bomb;
            pending::<()>().await;
        }
        Ok(())
    });
    let id = enqueue_hasty(&subject).await;
    let done = becomes(&subject, id, State::Completed).await;
    assert_eq!(reasons(&done), [Reason::Timeout]);
    worker.stop().await;
}

/// No span can be joined to any trace.
fn no_tracer(_span: &tracing::Span, _parent: &Traceparent) {
    panic!("no tracer");
}

pub(super) async fn a_panic_beside_the_handler_costs_a_lease_and_the_worker_goes_on(
    subject: Subject,
) {
    let config = WorkerConfig {
        adopt: Some(no_tracer),
        lease: Duration::from_millis(400),
        ..config("one")
    };
    let worker = start(&subject, handlers::<Work>(nothing), config);
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let parent = Traceparent::new(parent).unwrap();
    let traced = jobs(&subject).traced::<Work>(&"traced".to_owned(), Some(parent));
    let traced = traced.unwrap();
    let id = traced.id;
    let enqueued = jobs(&subject).enqueue_all(None, vec![traced]).await;
    assert_eq!(enqueued.unwrap(), [Enqueued::New(id)]);
    // Its lease runs out, and once more when it runs alone.
    let letter = becomes(&subject, id, State::Dead).await;
    assert_eq!(letter.reason, Some(Reason::Poison));
    let other = enqueue(&subject, "other").await;
    becomes(&subject, other, State::Completed).await;
    worker.stop().await;
}

pub(super) async fn a_snooze_costs_no_attempt(subject: Subject) {
    let worker = works(&subject, |_what: String, context: Context| async move {
        match context.attempt() {
            1..=5 => Err(Failure::Snooze(Duration::from_millis(1))),
            _ => Ok(()),
        }
    });
    let id = enqueue(&subject, "early").await;
    let done = becomes(&subject, id, State::Completed).await;
    assert_eq!((done.attempt, done.failures), (6, 0));
    assert_eq!(reasons(&done), [Reason::Snoozed; 5]);
    worker.stop().await;
}

pub(super) async fn a_handler_says_when_it_is_tried_again(subject: Subject) {
    let after = Duration::from_millis(300);
    let worker = works(
        &subject,
        move |_what: String, context: Context| async move {
            match context.attempt() {
                1 => Err(Failure::retry_after(after, "try later")),
                _ => Ok(()),
            }
        },
    );
    let id = enqueue(&subject, "busy").await;
    let done = becomes(&subject, id, State::Completed).await;
    assert_eq!((done.failures, reasons(&done)), (1, vec![Reason::Error]));
    let failed = done.attempts[0].ended_at;
    assert!(done.started_at.unwrap() >= failed.saturating_add(after));
    worker.stop().await;
}

pub(super) async fn a_permanent_failure_is_a_dead_letter_at_once(subject: Subject) {
    let worker = works(&subject, |_what: String, _context: Context| async {
        Err(Failure::permanent("there is no such product"))
    });
    let id = enqueue(&subject, "gone").await;
    let letter = becomes(&subject, id, State::Dead).await;
    assert_eq!(
        (letter.attempt, letter.reason),
        (1, Some(Reason::Permanent))
    );
    worker.stop().await;
}

/// One at a time for each argument.
struct Only;

impl Job for Only {
    const KIND: &'static str = "only";
    type Args = String;

    fn queue() -> &'static str {
        "main"
    }

    fn unique(args: &String) -> Option<(Vec<u8>, UniqueScope)> {
        Some((args.clone().into_bytes(), UniqueScope::Unfinished))
    }
}

pub(super) async fn a_unique_job_is_done_once(subject: Subject) {
    let jobs = jobs(&subject);
    let mut first = None;
    for _ in 0..3 {
        let enqueued = jobs.enqueue::<Only>(None, &"a".to_owned()).await.unwrap();
        let id = *first.get_or_insert(enqueued.id());
        assert_eq!(enqueued.id(), id);
    }
    let other = jobs.enqueue::<Only>(None, &"b".to_owned()).await.unwrap();
    assert!(matches!(other, Enqueued::New(_)));
    let worker = start(&subject, handlers::<Only>(nothing), config("one"));
    becomes(&subject, first.unwrap(), State::Completed).await;
    becomes(&subject, other.id(), State::Completed).await;
    let again = jobs.enqueue::<Only>(None, &"a".to_owned()).await.unwrap();
    assert!(matches!(again, Enqueued::New(_)), "the first one has ended");
    assert_eq!(row(&subject, first.unwrap()).await.attempt, 1);
    worker.stop().await;
}
