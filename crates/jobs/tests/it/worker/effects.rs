use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use stanchion_jobs::conformance::Subject;
use stanchion_jobs::port::Filter;
use stanchion_jobs::{Context, Failure, Job, Kind, State};

use super::bench::{becomes, enqueue, jobs, works};

/// What a job leaves behind: a row that nothing keeps from being there twice.
struct Effect;

impl Job for Effect {
    const KIND: &'static str = "effect";
    type Args = String;

    fn queue() -> &'static str {
        "effects"
    }
}

pub(super) async fn an_effect_and_its_completion_are_one(subject: Subject) {
    let (store, queue) = (subject.store.clone(), jobs(&subject));
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let worker = works(&subject, move |what: String, context: Context| {
        let (store, queue, runs) = (store.clone(), queue.clone(), Arc::clone(&counted));
        async move {
            runs.fetch_add(1, Ordering::SeqCst);
            let mut tx = store.begin().await?;
            context.hold(&mut tx).await?;
            queue.enqueue::<Effect>(Some(&mut tx), &what).await?;
            context.complete(&mut tx).await?;
            if what == "fails" && context.attempt() == 1 {
                tx.rollback().await?;
                return Err(Failure::from(std::io::Error::other("no disk")));
            }
            tx.commit().await?;
            // What happens after the commit changes nothing.
            assert!(what != "panics", "too late");
            Ok(())
        }
    });
    let mut ids = Vec::new();
    for what in ["plain", "fails", "panics"] {
        ids.push(enqueue(&subject, what).await);
    }
    for id in ids {
        becomes(&subject, id, State::Completed).await;
    }
    worker.stop().await;
    let effects = Filter {
        kind: Some(Kind::new(Effect::KIND).unwrap()),
        ..Filter::default()
    };
    let left = jobs(&subject).list(effects, None, 100).await.unwrap().jobs;
    let mut left: Vec<_> = left.iter().map(|job| job.args.as_str()).collect();
    left.sort_unstable();
    assert_eq!(left, ["\"fails\"", "\"panics\"", "\"plain\""]);
    assert_eq!(runs.load(Ordering::SeqCst), 4);
}
