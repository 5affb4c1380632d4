//! Whatever is done to a queue in whatever order, its jobs only move along the table of transitions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use stanchion_jobs::conformance::{Subject, over};
use stanchion_jobs::port::{
    Claim, Filter, Heartbeat, Holder, Pulse, Quota, Replay, RescueRules, Verdict, Which,
};
use stanchion_jobs::states::TRANSITIONS;
use stanchion_jobs::{
    Args, Fence, JobId, JobRow, Kind, LeaseId, NewJob, Outcome, Policy, Priority, Queue, Reason,
    Settlement, State, Unique, UniqueScope, Worker,
};
use stanchion_kernel::{Clock, Entropy, ManualClock, Timestamp};
use stanchion_store::{Store, StoreConfig};
use tempfile::TempDir;

const LEASE: Duration = Duration::from_secs(8);
const FOREVER: Duration = Duration::from_hours(1);

#[derive(Clone, Debug)]
enum Step {
    Enqueue { what: u8, unique: Option<usize> },
    Claim { jobs: u32, starts: bool },
    ClaimAlone,
    Start { of: usize },
    Settle { of: usize, how: usize },
    Renew { of: usize },
    Pass { seconds: u64 },
    Rescue { limit: u32 },
    Cancel { of: usize },
    Replay { limit: u32 },
    Unpark,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let unique = proptest::option::weighted(0.3, 0_usize..4);
    let step = prop_oneof![
        4 => (0_u8..6, unique).prop_map(|(what, unique)| Step::Enqueue { what, unique }),
        4 => (1_u32..4, any::<bool>()).prop_map(|(jobs, starts)| Step::Claim { jobs, starts }),
        2 => Just(Step::ClaimAlone),
        1 => (0_usize..40).prop_map(|of| Step::Start { of }),
        5 => (0_usize..40, 0_usize..9).prop_map(|(of, how)| Step::Settle { of, how }),
        1 => (0_usize..40).prop_map(|of| Step::Renew { of }),
        2 => (1_u64..20).prop_map(|seconds| Step::Pass { seconds }),
        2 => (1_u32..4).prop_map(|limit| Step::Rescue { limit }),
        1 => (0_usize..40).prop_map(|of| Step::Cancel { of }),
        1 => (1_u32..3).prop_map(|limit| Step::Replay { limit }),
        1 => Just(Step::Unpark),
    ];
    proptest::collection::vec(step, 1..80)
}

fn outcome(how: usize) -> Outcome {
    let (after, message) = (Duration::from_secs(3), String::new());
    let dead = |reason| Outcome::Dead {
        reason,
        message: String::new(),
    };
    match how {
        0 | 1 => Outcome::Completed,
        2 => Outcome::Retry {
            after,
            reason: Reason::Error,
            message,
        },
        3 => Outcome::Retry {
            after: Duration::ZERO,
            reason: Reason::Crash,
            message,
        },
        4 => dead(Reason::Permanent),
        5 => dead(Reason::Poison),
        6 => Outcome::Snooze { after },
        7 => Outcome::GiveBack,
        _ => Outcome::Park,
    }
}

/// A queue on a file whose clock is moved by hand, with every fence that it ever gave out.
struct World {
    subject: Subject,
    hand: ManualClock,
    fences: Vec<Fence>,
    seen: BTreeMap<JobId, JobRow>,
    _folder: TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("jobs.db").display());
        let (clock, hand) = Clock::manual(Timestamp::from_micros(1_700_000_000_000_000));
        let config = StoreConfig {
            max_connections: 1,
            ..StoreConfig::new(url)
        };
        let store = Store::open(config, clock, Entropy::seeded(1))
            .await
            .unwrap();
        let sets = [stanchion_store::MIGRATIONS, stanchion_jobs::MIGRATIONS];
        store.migrate(&sets).await.unwrap();
        store.ready().await.unwrap();
        let port = stanchion_jobs::port::open(&store);
        Self {
            subject: over(store, Arc::clone(&port), port),
            hand,
            fences: Vec::new(),
            seen: BTreeMap::new(),
            _folder: folder,
        }
    }

    fn holder(&self) -> Holder {
        Holder {
            worker: Worker::new("w").unwrap(),
            lease: LeaseId(self.subject.ids.next()),
            lease_for: LEASE,
        }
    }

    fn job(&self, what: u8, unique: Option<usize>) -> NewJob {
        let kind = Kind::new("k").unwrap();
        let key = Unique::key(&kind, &[what]);
        let id = JobId(self.subject.ids.next());
        let queue = Queue::new("q").unwrap();
        NewJob {
            unique: unique.map(|scope| Unique {
                key,
                scope: UniqueScope::ALL[scope],
            }),
            policy: Policy {
                max_lost_leases: 2,
                ..Policy::default()
            },
            ..NewJob::new(id, kind, queue, Args::of(&what).unwrap())
        }
    }

    /// Whether a fence is the last one of a job that runs.
    fn holds(&self, fence: Fence) -> bool {
        let job = self.seen.get(&fence.job);
        job.is_some_and(|job| job.state == State::Running && job.attempt == fence.attempt)
    }

    fn claim(&self, jobs: u32, starts: bool) -> Claim {
        let quota = Quota {
            queue: Queue::new("q").unwrap(),
            priority: Priority::NORMAL,
            jobs,
        };
        Claim {
            holder: self.holder(),
            quotas: vec![quota],
            most: jobs,
            starts,
        }
    }

    async fn take(&mut self, step: Step) {
        let port = Arc::clone(&self.subject.port);
        let fence = |of: usize| self.fences.get(of % self.fences.len().max(1)).copied();
        match step {
            Step::Enqueue { what, unique } => {
                let job = self.job(what, unique);
                port.enqueue(None, vec![job]).await.unwrap();
            }
            Step::Claim { jobs, starts } => {
                let claimed = port.claim(self.claim(jobs, starts)).await.unwrap();
                assert!(claimed.len() <= jobs as usize);
                self.fences.extend(claimed.iter().map(|one| one.fence));
            }
            Step::ClaimAlone => {
                let queues = vec![Queue::new("q").unwrap()];
                let claimed = port.claim_alone(queues, self.holder()).await.unwrap();
                self.fences.extend(claimed.map(|one| one.fence));
            }
            Step::Pass { seconds } => self.hand.advance(Duration::from_secs(seconds)),
            Step::Rescue { limit } => {
                let rescued = port.rescue(RescueRules::default(), limit).await.unwrap();
                assert!(rescued.len() <= limit as usize);
            }
            Step::Replay { limit } => {
                let replay = Replay {
                    which: Which::Filter(Filter::default()),
                    edit: None,
                    dry_run: false,
                };
                port.replay(replay, limit).await.unwrap();
            }
            Step::Unpark => {
                let (queue, kind) = (Queue::new("q").unwrap(), Kind::new("k").unwrap());
                port.unpark(vec![queue], vec![kind], 5).await.unwrap();
            }
            Step::Start { of } | Step::Renew { of } | Step::Cancel { of } => {
                if let Some(fence) = fence(of) {
                    self.touch(&step, fence).await;
                }
            }
            Step::Settle { of, how } => {
                if let Some(fence) = fence(of) {
                    let outcome = outcome(how);
                    let settlement = Settlement { fence, outcome };
                    let verdicts = port.settle(None, vec![settlement]).await.unwrap();
                    let held = verdicts == [Verdict::Held];
                    assert_eq!(held, self.holds(fence), "{fence:?}");
                }
            }
        }
    }

    async fn touch(&self, step: &Step, fence: Fence) {
        let port = &self.subject.port;
        match step {
            Step::Start { .. } => {
                let verdicts = port.start(vec![fence]).await.unwrap();
                assert_eq!(verdicts == [Verdict::Held], self.holds(fence));
            }
            Step::Renew { .. } => {
                let beat = Heartbeat {
                    fence,
                    progress: None,
                };
                let pulses = port.renew(vec![beat], LEASE).await.unwrap();
                assert_eq!(pulses != [Pulse::Lost], self.holds(fence));
            }
            _ => {
                port.cancel(fence.job).await.unwrap();
            }
        }
    }

    /// Compares what there is with what there was before the step.
    async fn look(&mut self, step: &Step) {
        let page = self.subject.port.jobs(Filter::default(), None, 1_000);
        let jobs = page.await.unwrap().jobs;
        let now: BTreeMap<JobId, JobRow> = jobs.into_iter().map(|job| (job.id, job)).collect();
        for (id, before) in &self.seen {
            let after = now.get(id).unwrap_or_else(|| panic!("{step:?} lost {id}"));
            let moved =
                |(from, _, to): &(State, _, State)| (*from, *to) == (before.state, after.state);
            let is_allowed = before.state == after.state || TRANSITIONS.iter().any(moved);
            assert!(is_allowed, "{step:?}: {before:?} became {after:?}");
            let began = before.state != State::Running && after.state == State::Running;
            assert_eq!(after.attempt, before.attempt + u32::from(began), "{step:?}");
            if before.state.is_final() && after.state.is_final() {
                assert_eq!(before, after, "{step:?} changed what had ended");
            }
            let policy = &after.policy;
            assert!(after.lost_leases <= u32::from(policy.max_lost_leases) + 1);
        }
        self.seen = now;
    }

    /// Whatever happened, everything ends when somebody works.
    async fn finish(&mut self) {
        for _ in 0..500 {
            self.hand.advance(FOREVER);
            for step in [
                Step::Rescue { limit: 100 },
                Step::Unpark,
                Step::Claim {
                    jobs: 9,
                    starts: true,
                },
            ] {
                self.take(step.clone()).await;
                self.look(&step).await;
            }
            self.take(Step::ClaimAlone).await;
            self.look(&Step::ClaimAlone).await;
            let running: Vec<usize> = (0..self.fences.len())
                .filter(|of| self.holds(self.fences[*of]))
                .collect();
            let is_over = self.seen.values().all(|job| job.state.is_final());
            if running.is_empty() && is_over {
                return;
            }
            for of in running {
                let done = Step::Settle { of, how: 0 };
                self.take(done.clone()).await;
                self.look(&done).await;
            }
        }
        panic!("something never ends: {:?}", self.seen);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn jobs_only_move_along_the_table_and_all_of_them_end(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            for step in steps {
                world.take(step.clone()).await;
                world.look(&step).await;
            }
            world.finish().await;
        });
    }
}
