use std::time::Duration;

use super::{LONG, Subject, dead, kind, priority, queue};
use crate::model::{JobId, JobRow, NewJob, Outcome, Reason, RunAt, Worker};
use crate::port::{Cancelled, Claim, Figures, Filter, Holder, Passed};
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

fn took(job: &JobRow) -> Option<Duration> {
    let us = job.finished_at?.as_micros() - job.started_at?.as_micros();
    u64::try_from(us).ok().map(Duration::from_micros)
}

pub(super) async fn what_ended_is_counted_once_by_queue(subject: Subject) {
    let now = async || subject.port.now().await.expect("a clock");
    let passed = async |since, until, count_to| {
        let passed = subject.port.passed(since, until, count_to).await;
        passed.expect("an answer")
    };
    // The database's clock goes on between what is counted apart.
    let turn = async || {
        let at = now().await;
        subject.passes(at).await;
        at
    };
    let before = turn().await;
    let cancelled = subject.enqueue_one("cancelled").await;
    let answer = subject.port.cancel(cancelled).await.expect("an answer");
    assert_eq!(answer, Cancelled::Now);
    let mut ran = Duration::ZERO;
    for outcome in [Outcome::Completed, Outcome::Completed, dead(Reason::Error)] {
        let id = subject.enqueue_one("main").await;
        let claimed = subject.claim_one().await;
        subject.passes(claimed.claimed_at).await;
        subject.end(claimed.fence, outcome).await;
        ran += took(&subject.job(id).await).expect("it ran");
    }
    // Neither has ended.
    subject.enqueue_one("retried").await;
    let claimed = subject.claim_one().await;
    subject.end(claimed.fence, super::retry(LONG)).await;
    subject.enqueue_one("waiting").await;
    let between = turn().await;
    let aside = NewJob {
        queue: queue("aside"),
        ..subject.work("aside")
    };
    let aside_id = aside.id;
    subject.enqueue(vec![aside]).await;
    subject.port.cancel(aside_id).await.expect("an answer");
    let after = turn().await;
    let main = Passed {
        queue: queue("main"),
        served: 3,
        ran,
        cancelled: 1,
    };
    let aside = Passed {
        queue: queue("aside"),
        served: 0,
        ran: Duration::ZERO,
        cancelled: 1,
    };
    assert!(ran > Duration::ZERO);
    let both = [aside, main];
    assert_eq!(passed(before, between, 9).await, both[1..]);
    assert_eq!(passed(between, after, 9).await, both[..1]);
    assert_eq!(passed(before, after, 9).await, both);
    assert_eq!(passed(after, now().await, 9).await, []);
    let bounded = passed(before, between, 1).await;
    assert_eq!((bounded[0].served, bounded[0].cancelled), (2, 1));
}

pub(super) async fn holders_are_told_with_what_they_hold(subject: Subject) {
    let holders = async || subject.other.holders().await.expect("an answer");
    assert_eq!(holders().await, []);
    for n in 0..4 {
        subject.enqueue_one(&format!("job {n}")).await;
    }
    let claim = async |name: &str, jobs| {
        let wish = subject.wish(jobs, LONG);
        let holder = Holder {
            worker: Worker::new(name).expect("a name"),
            ..wish.holder.clone()
        };
        let claimed = subject.port.claim(Claim { holder, ..wish }).await;
        claimed.expect("claimed")
    };
    let mine = claim("b", 2).await;
    assert_eq!((mine.len(), claim("a", 1).await.len()), (2, 1));
    let told = |told: Vec<(Worker, u64)>| {
        let told = told.into_iter();
        told.map(|(worker, jobs)| (worker.to_string(), jobs))
            .collect::<Vec<_>>()
    };
    let expected = [("a".to_owned(), 1), ("b".to_owned(), 2)];
    assert_eq!(told(holders().await), expected);
    for claimed in mine {
        subject.end(claimed.fence, Outcome::Completed).await;
    }
    assert_eq!(told(holders().await), expected[..1]);
}
