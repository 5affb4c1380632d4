use std::time::Duration;

use stanchion_jobs::port::Retention;
use stanchion_jobs::{Upkeep, WorkerConfig};
use stanchion_testkit::eventually;

use super::bench::{LONG, Work, config, handlers, nothing, start};
use crate::databases;

/// More than a worker forgets at once.
const HISTORY: &str = "
INSERT INTO stanchion_jobs.history (
    id, queue, kind, priority, state, args, input, max_attempts, max_lost_leases, timeout_us, backoff_base_us,
    backoff_cap_us, jitter, attempt, failures, lost_leases, alone, created_at, run_at, finished_at, attempts
)
SELECT gen_random_uuid(), 'main', 'work', 4, 'completed', '1', sha256(''), 1, 1, 1, 1, 1, 'full', 1, 0, 0, false, now(), now(),
    now() - interval '1 hour', '[]'
FROM generate_series(1, 45000);
";
const COUNT: &str = "SELECT count(*) FROM stanchion_jobs.history";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_that_grew_faster_than_it_was_forgotten_is_forgotten_without_a_pause() {
    let (subject, database) = databases::postgres().await;
    database.psql(HISTORY).await;
    let rarely = WorkerConfig {
        retention: Retention {
            done: Duration::from_secs(1),
            dead: LONG,
        },
        upkeep: Upkeep {
            tidy: Duration::from_hours(1),
            ..config("one").upkeep
        },
        ..config("one")
    };
    let worker = start(&subject, handlers::<Work>(nothing), rarely);
    eventually("everything is forgotten", LONG, || async {
        database.psql(COUNT).await.trim() == "0"
    })
    .await;
    worker.stop().await;
}
