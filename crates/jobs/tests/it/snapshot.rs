//! A queue beside a snapshot that was opened long ago, or a transaction that was slow: what was done since lies dead in the indexes,
//! and what comes late lies before it.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection as _, Executor as _, PgConnection};
use stanchion_jobs::port::{self, Claim, Holder, Port, Quota, RescueRules};
use stanchion_jobs::{
    Claimed, Job, JobId, Jobs, LeaseId, Outcome, Priority, Queue, Settlement, Worker,
};
use stanchion_kernel::{Clock, Entropy, Ids, Uuid};
use stanchion_store::{Store, StoreConfig, StoreError};
use stanchion_testkit::Database;

use crate::databases;

/// Rows that nobody sees but who looks for long: an index full of them is not walked within [`ALLOWED`].
const WAITED: &str = "
INSERT INTO stanchion_jobs.jobs (
    id, queue, kind, priority, state, args, input, max_attempts, max_lost_leases, timeout_us, backoff_base_us,
    backoff_cap_us, jitter, created_at, run_at
)
SELECT gen_random_uuid(), 'default', 'k', 4, 'waiting', '1', sha256(''), 1, 1, 1, 1, 1, 'full', now(),
    now() - (1 + random()) * interval '1 hour'
FROM generate_series(1, 300000);
";
const RAN: &str = "
INSERT INTO stanchion_jobs.jobs (
    id, queue, kind, priority, state, args, input, max_attempts, max_lost_leases, timeout_us, backoff_base_us,
    backoff_cap_us, jitter, lease, leased_until, created_at, run_at
)
SELECT gen_random_uuid(), 'default', 'k', 4, 'running', '1', sha256(''), 1, 1, 1, 1, 1, 'full', gen_random_uuid(),
    now() - (1 + random()) * interval '1 hour', now(), now()
FROM generate_series(1, 300000);
";
const LOOK: &str =
    "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM stanchion_jobs.jobs";
const DELETE: &str = "DELETE FROM stanchion_jobs.jobs";
/// In the middle of those rows.
const LONG_AGO: &str = "UPDATE stanchion_jobs.jobs SET run_at = now() - interval '90 minutes'";
const LOST_LONG_AGO: &str =
    "UPDATE stanchion_jobs.jobs SET leased_until = now() - interval '90 minutes'";
/// What the walk of a part may not take.
const SLOW: &str = "
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(1.2); RETURN NULL; END$$;
CREATE TRIGGER slow AFTER UPDATE ON stanchion_jobs.jobs EXECUTE FUNCTION slow();
";
const ALLOWED: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_mins(1);
const SHORT: Duration = Duration::from_millis(1);
/// What was left behind is looked at in parts, a fiftieth of the time.
const PATIENCE: Duration = Duration::from_mins(4);

/// A queue, and somebody who looks at what it was.
async fn burdened(rows: &str) -> (Database, PgConnection) {
    let (_, database) = databases::postgres().await;
    database.psql(rows).await;
    let mut looks = PgConnection::connect(database.url()).await.unwrap();
    looks.execute(LOOK).await.unwrap();
    database.psql(DELETE).await;
    // As autovacuum does now and then: plans are made for an empty table then.
    database.psql("ANALYZE stanchion_jobs.jobs").await;
    (database, looks)
}

/// The queue as a server has it that just started, and whose statements may take so long.
async fn server(database: &Database, statement_timeout: Duration) -> Arc<dyn Port> {
    let config = StoreConfig {
        statement_timeout,
        ..StoreConfig::new(database.url())
    };
    let store = Store::open(config, Clock::system(), Entropy::system());
    let store = store.await.unwrap();
    store.ready().await.unwrap();
    port::open(&store)
}

fn wish(lease: u128, lease_for: Duration) -> Claim {
    Claim {
        quotas: vec![Quota {
            queue: Queue::new("default").unwrap(),
            priority: Priority::NORMAL,
            jobs: 10,
        }],
        most: 10,
        holder: Holder {
            worker: Worker::new("w").unwrap(),
            lease: LeaseId(Uuid::from_u128(lease)),
            lease_for,
        },
        starts: false,
    }
}

struct Nothing;

impl Job for Nothing {
    const KIND: &'static str = "nothing";
    type Args = u64;
}

async fn enqueue(server: &Arc<dyn Port>) -> JobId {
    let ids = Ids::new(Clock::system(), Entropy::system());
    let jobs = Jobs::new(Arc::clone(server), ids);
    let job = jobs.job::<Nothing>(&1).unwrap();
    jobs.enqueue_all(None, vec![job]).await.unwrap()[0].id()
}

fn is_too_long<T>(answer: &Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::StatementTimeout))
}

/// Asks again and again, until there is something.
async fn something<T>(ask: impl AsyncFn() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap()
}

async fn claims(server: &dyn Port) -> Claimed {
    something(async || server.claim(wish(1, LONG)).await.ok()?.pop()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_walk_from_the_beginning_claims_what_comes_and_what_comes_back_and_what_came_late()
 {
    let (database, _looks) = burdened(WAITED).await;
    let (hasty, patient) = (
        server(&database, ALLOWED).await,
        server(&database, LONG).await,
    );
    assert!(is_too_long(&hasty.claim(wish(1, LONG)).await));
    let id = enqueue(&patient).await;
    let claimed = claims(&*hasty).await;
    assert_eq!(claimed.fence.job, id);

    // It has waited for longer than anybody looks back.
    database.psql(LONG_AGO).await;
    let settlement = Settlement {
        fence: claimed.fence,
        outcome: Outcome::GiveBack,
    };
    patient.settle(None, vec![settlement]).await.unwrap();
    let claimed = claims(&*hasty).await;
    assert_eq!(claimed.fence.job, id);
    let settlement = Settlement {
        fence: claimed.fence,
        outcome: Outcome::Completed,
    };
    patient.settle(None, vec![settlement]).await.unwrap();

    // Its transaction was slower than anybody looks back.
    let id = enqueue(&patient).await;
    database.psql(LONG_AGO).await;
    let passed_by = something(async || hasty.claim(wish(1, LONG)).await.ok()).await;
    assert!(passed_by.is_empty());
    let recalled = something(async || hasty.recall(10).await.ok().filter(|jobs| *jobs > 0)).await;
    assert_eq!(recalled, 1);
    assert_eq!(claims(&*hasty).await.fence.job, id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_walk_from_the_beginning_counts_where_it_claims_or_later() {
    let (database, looks) = burdened(WAITED).await;
    let (claimer, other, patient) = (
        server(&database, ALLOWED).await,
        server(&database, ALLOWED).await,
        server(&database, LONG).await,
    );
    enqueue(&patient).await;
    claims(&*claimer).await;
    for server in [&claimer, &other] {
        assert!(is_too_long(&server.figures(100).await));
    }
    let counted = something(async || claimer.figures(100).await.ok()).await;
    assert_eq!(counted[0].in_flight, 1);
    assert!(is_too_long(&other.figures(100).await));
    looks.close().await.unwrap();
    database.psql("VACUUM stanchion_jobs.jobs").await;
    let counted = something(async || other.figures(100).await.ok()).await;
    assert_eq!(counted[0].in_flight, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_long_to_walk_what_ran_counts_what_runs_for_a_shorter_time_too() {
    // Dead leases that end later than a new one may.
    let ran = RAN.replace("now() - (1 + random())", "now() + (1 + random() / 60)");
    let (database, _looks) = burdened(&ran).await;
    let server = server(&database, LONG).await;
    let in_flight = async || {
        let counted = server.figures(100).await.unwrap();
        counted.iter().map(|lane| lane.in_flight).sum::<u64>()
    };
    for (lease, lease_for) in [(1, 90 * LONG), (2, 80 * LONG), (3, LONG)] {
        enqueue(&server).await;
        let claimed = server.claim(wish(lease, lease_for)).await.unwrap();
        assert_eq!(claimed.len(), 1);
        let wanted = u64::try_from(lease).unwrap();
        something(async || Some(in_flight().await).filter(|seen| *seen == wanted)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_walk_from_the_beginning_rescues_what_is_lost_now_and_what_was_lost_long_ago() {
    let (database, _looks) = burdened(RAN).await;
    let (hasty, patient) = (
        server(&database, ALLOWED).await,
        server(&database, LONG).await,
    );
    let rules = RescueRules::default();
    assert!(is_too_long(&hasty.rescue(rules, 10).await));
    let id = enqueue(&patient).await;
    let lost = patient.claim(wish(2, SHORT)).await.unwrap();
    assert_eq!(lost[0].fence.job, id);
    let rescued = something(async || hasty.rescue(rules, 10).await.ok()?.pop()).await;
    assert_eq!(rescued.fence.job, id);

    // Nobody was there when it was.
    let lost = patient.claim(wish(3, LONG)).await.unwrap();
    assert_eq!(lost[0].fence.job, id);
    database.psql(LOST_LONG_AGO).await;
    let rescued = something(async || hasty.rescue(rules, 10).await.ok()?.pop()).await;
    assert_eq!(rescued.fence.lease, lost[0].fence.lease);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_very_slow_to_be_committed_is_recalled() {
    let (_, database) = databases::postgres().await;
    let server = server(&database, LONG).await;
    assert!(server.claim(wish(1, LONG)).await.unwrap().is_empty());
    let slow = [enqueue(&server).await, enqueue(&server).await];
    database.psql(LONG_AGO).await;
    for lease in 2..10 {
        assert!(server.claim(wish(lease, LONG)).await.unwrap().is_empty());
    }
    let mut claimed = Vec::new();
    for _ in slow {
        assert_eq!(server.recall(1).await.unwrap(), 1);
        let job = server.claim(wish(10, LONG)).await.unwrap().remove(0);
        claimed.push(job.fence.job);
    }
    assert_eq!(claimed, slow);
    assert_eq!(server.recall(1).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_found_in_time_is_recalled_however_long_that_takes() {
    let (_, database) = databases::postgres().await;
    let server = server(&database, LONG).await;
    assert!(server.claim(wish(1, LONG)).await.unwrap().is_empty());
    enqueue(&server).await;
    database.psql(LONG_AGO).await;
    database.psql(SLOW).await;
    assert_eq!(server.recall(10).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_found_in_time_is_rescued_however_long_that_takes() {
    let (_, database) = databases::postgres().await;
    let server = server(&database, LONG).await;
    let rules = RescueRules::default();
    assert!(server.rescue(rules, 10).await.unwrap().is_empty());
    enqueue(&server).await;
    let lost = claims(&*server).await;
    database.psql(LOST_LONG_AGO).await;
    database.psql(SLOW).await;
    let rescued = something(async || server.rescue(rules, 10).await.unwrap().pop()).await;
    assert_eq!(rescued.fence, lost.fence);
}
