use stanchion_jobs::conformance::Subject;
use stanchion_jobs::port::{Replay, Which};
use stanchion_jobs::{
    Args, Context, Failure, Handlers, Job, JobId, NewJob, Reason, State, WorkerConfig,
};

use super::bench::{
    Work, becomes, config, enqueue, handlers, jobs, nothing, queue, row, start, works,
};

/// A kind that the first worker has no handler for.
struct Rare;

impl Job for Rare {
    const KIND: &'static str = "rare";
    type Args = String;

    fn queue() -> &'static str {
        "main"
    }
}

pub(super) async fn a_job_of_an_unknown_kind_waits_for_a_worker_that_knows_it(subject: Subject) {
    let ignorant = works(&subject, nothing);
    let rare = jobs(&subject).enqueue::<Rare>(None, &String::new()).await;
    let rare = rare.unwrap().id();
    let parked = becomes(&subject, rare, State::Parked).await;
    assert_eq!(
        (parked.failures, parked.attempts[0].reason),
        (0, Reason::UnknownKind)
    );
    // It keeps nobody from his work.
    let known = enqueue(&subject, "known").await;
    becomes(&subject, known, State::Completed).await;
    ignorant.stop().await;
    let worker = start(&subject, handlers::<Rare>(nothing), config("two"));
    let done = becomes(&subject, rare, State::Completed).await;
    assert_eq!(done.failures, 0);
    worker.stop().await;
}

pub(super) async fn a_parked_job_waits_for_a_worker_of_its_queue(subject: Subject) {
    let elsewhere = |name| WorkerConfig {
        queues: vec![queue("elsewhere")],
        ..config(name)
    };
    let rare: NewJob = jobs(&subject).job::<Rare>(&String::new()).unwrap();
    let stray = NewJob {
        id: JobId(subject.ids.next()),
        queue: queue("elsewhere"),
        ..rare.clone()
    };
    let (id, strayed) = (rare.id, stray.id);
    let both = vec![rare, stray];
    jobs(&subject).enqueue_all(None, both).await.unwrap();
    let ignorant = [config("one"), elsewhere("two")];
    let ignorant = ignorant.map(|config| start(&subject, handlers::<Work>(nothing), config));
    becomes(&subject, id, State::Parked).await;
    becomes(&subject, strayed, State::Parked).await;
    for worker in ignorant {
        worker.stop().await;
    }
    // It works on the one queue, and knows the kind.
    let worker = start(&subject, handlers::<Rare>(nothing), config("three"));
    becomes(&subject, id, State::Completed).await;
    worker.stop().await;
    let strayed = row(&subject, strayed).await;
    assert_eq!((strayed.state, strayed.attempt), (State::Parked, 1));
}

/// As the kind was before: its arguments were numbers.
struct OldWork;

impl Job for OldWork {
    const KIND: &'static str = Work::KIND;
    type Args = u32;

    fn queue() -> &'static str {
        "main"
    }
}

pub(super) async fn arguments_that_cannot_be_read_make_a_dead_letter_that_can_be_mended(
    subject: Subject,
) {
    let all = Handlers::new().with::<Work>(|what: String, _context: Context| async move {
        assert_eq!(what, "mended");
        Ok::<(), Failure>(())
    });
    let worker = start(&subject, all.unwrap(), config("one"));
    let old: NewJob = jobs(&subject).job::<OldWork>(&7).unwrap();
    let id = old.id;
    jobs(&subject).enqueue_all(None, vec![old]).await.unwrap();
    let letter = becomes(&subject, id, State::Dead).await;
    assert_eq!(
        (letter.attempt, letter.reason),
        (1, Some(Reason::Arguments))
    );
    assert!(letter.message.unwrap().contains("expected a string"));
    let mend = Replay {
        which: Which::Ids(vec![id]),
        edit: Some(Args::of(&"mended").unwrap()),
        dry_run: false,
    };
    assert_eq!(jobs(&subject).replay(mend, 10).await.unwrap().jobs, [id]);
    becomes(&subject, id, State::Completed).await;
    worker.stop().await;
}
