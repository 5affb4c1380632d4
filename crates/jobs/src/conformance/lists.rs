use std::time::Duration;

use super::{LONG, Subject, dead, kind, priority, queue};
use crate::model::{JobId, NewJob, Outcome, Reason, RunAt};
use crate::port::{Figures, Filter};
use crate::states::State;

pub(super) async fn pages_give_every_job_once(subject: Subject) {
    let jobs: Vec<NewJob> = (0..9).map(|n| subject.work(&format!("job {n}"))).collect();
    let mut expected: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
    expected.reverse();
    subject.enqueue(jobs).await;
    for one in subject.claim(4, LONG).await {
        subject.end(one.fence, Outcome::Completed).await;
    }
    let (mut told, mut before) = (Vec::new(), None);
    loop {
        let page = subject.port.jobs(Filter::default(), before, 2).await;
        let page = page.expect("a page");
        assert!(page.jobs.len() <= 2);
        told.extend(page.jobs.iter().map(|job| job.id));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(told, expected);
}

fn in_state(state: State) -> Filter {
    Filter {
        state: Some(state),
        ..Filter::default()
    }
}

fn of_reason(reason: Reason) -> Filter {
    Filter {
        reason: Some(reason),
        ..Filter::default()
    }
}

pub(super) async fn filters_let_through_what_they_say(subject: Subject) {
    let elsewhere = NewJob {
        queue: queue("elsewhere"),
        kind: kind("render"),
        ..subject.work("elsewhere")
    };
    let (waiting, input) = (elsewhere.id, elsewhere.input);
    subject.enqueue(vec![elsewhere]).await;
    let letter = subject.bury(subject.work("dead"), Reason::Panic).await;
    let done = subject.enqueue_one("done").await;
    let claimed = subject.claim_one().await;
    subject.end(claimed.fence, Outcome::Completed).await;
    let running = subject.enqueue_one("running").await;
    subject.claim_one().await;
    let in_queue = |name| Filter {
        queue: Some(queue(name)),
        ..Filter::default()
    };
    let of_kind = Filter {
        kind: Some(kind("render")),
        ..Filter::default()
    };
    let on_input = Filter {
        input: Some(input),
        ..Filter::default()
    };
    let expected = [
        (in_state(State::Waiting), vec![waiting]),
        (in_state(State::Running), vec![running]),
        (in_state(State::Parked), vec![]),
        (in_state(State::Completed), vec![done]),
        (in_state(State::Dead), vec![letter]),
        (in_state(State::Cancelled), vec![]),
        (of_reason(Reason::Panic), vec![letter]),
        (of_reason(Reason::Error), vec![]),
        (in_queue("elsewhere"), vec![waiting]),
        (in_queue("main"), vec![running, done, letter]),
        (of_kind, vec![waiting]),
        (on_input, vec![waiting]),
    ];
    for (filter, jobs) in expected {
        let page = subject.port.jobs(filter.clone(), None, 10).await;
        let told: Vec<JobId> = page
            .expect("a page")
            .jobs
            .iter()
            .map(|job| job.id)
            .collect();
        assert_eq!(told, jobs, "{filter:?}");
    }
}

pub(super) async fn figures_tell_what_waits_runs_and_is_parked(subject: Subject) {
    assert_eq!(subject.port.figures(100).await.expect("figures"), []);
    for n in 0..6 {
        subject.enqueue_one(&format!("main {n}")).await;
    }
    let urgent = |n: u32, run_at| NewJob {
        queue: queue("aside"),
        priority: priority(0),
        run_at,
        ..subject.work(&format!("aside {n}"))
    };
    let later = RunAt::After(LONG);
    let jobs = vec![urgent(0, RunAt::Now), urgent(1, later), urgent(2, later)];
    subject.enqueue(jobs).await;
    let claimed = subject.claim(3, LONG).await;
    subject.end(claimed[0].fence, Outcome::Park).await;
    subject.end(claimed[1].fence, dead(Reason::Error)).await;
    let now = subject.port.now().await.expect("a clock");
    subject.passes(now).await;
    let aged = |mut figures: Vec<Figures>| {
        for one in &mut figures {
            assert_eq!(one.oldest_age > Duration::ZERO, one.backlog > 0, "{one:?}");
            one.oldest_age = Duration::ZERO;
        }
        figures
    };
    let figures = |queue_name, level, [backlog, scheduled, in_flight, parked]: [u64; 4]| Figures {
        queue: queue(queue_name),
        priority: priority(level),
        backlog,
        oldest_age: Duration::ZERO,
        scheduled,
        in_flight,
        parked,
    };
    let told = subject.port.figures(100).await.expect("figures");
    let expected = [
        figures("aside", 0, [1, 2, 0, 0]),
        figures("main", 4, [3, 0, 1, 1]),
    ];
    assert_eq!(aged(told), expected);
    let told = subject.port.figures(2).await.expect("figures");
    let expected = [
        figures("aside", 0, [1, 2, 0, 0]),
        figures("main", 4, [2, 0, 1, 1]),
    ];
    assert_eq!(aged(told), expected);
}

pub(super) async fn recent_jobs_tell_their_times(subject: Subject) {
    let mut done = Vec::new();
    for n in 0..3 {
        subject.enqueue_one(&format!("job {n}")).await;
        let claimed = subject.claim_one().await;
        subject.end(claimed.fence, Outcome::Completed).await;
        done.push(claimed);
    }
    subject.bury(subject.work("dead"), Reason::Error).await;
    let recent = subject.port.recent(2).await.expect("samples");
    let started: Vec<_> = recent.iter().map(|sample| sample.started_at).collect();
    let expected = [Some(done[2].claimed_at), Some(done[1].claimed_at)];
    assert_eq!(started, expected);
    for sample in recent {
        assert_eq!(sample.queue, queue("main"));
        assert_eq!(sample.kind, kind("work"));
        assert!(sample.created_at <= sample.run_at);
        assert!(Some(sample.finished_at) >= sample.started_at);
    }
}
