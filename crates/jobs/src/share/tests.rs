use std::collections::{HashMap, VecDeque};

use proptest::prelude::*;

use super::*;
use crate::model::Priority;

const README: &str = include_str!("../../README.md");
const MINUTE: Duration = Duration::from_mins(1);

/// Queues that give what they are asked for, as a broker does.
#[derive(Default)]
struct Queues {
    waiting: HashMap<Lane, VecDeque<Duration>>,
    now: Duration,
}

fn lane(queue: usize, level: u8) -> Lane {
    let priority = Priority::new(level).unwrap();
    Lane { queue, priority }
}

fn lanes(queues: usize) -> impl Iterator<Item = Lane> {
    (0..queues).flat_map(|queue| (0..10).map(move |level| lane(queue, level)))
}

impl Queues {
    /// So many jobs in each of these lanes, that can be claimed since `since`.
    fn put(&mut self, into: impl IntoIterator<Item = Lane>, jobs: usize, since: Duration) {
        for lane in into {
            let waiting = self.waiting.entry(lane).or_default();
            waiting.extend(std::iter::repeat_n(since, jobs));
        }
    }

    fn claim(&mut self, asked: &Asked) -> Vec<Taken> {
        let mut taken = Vec::new();
        for wish in &asked.wishes {
            let Some(waiting) = self.waiting.get_mut(&wish.lane) else {
                continue;
            };
            let room = (asked.most as usize - taken.len()).min(wish.jobs as usize);
            let jobs = waiting.drain(..room.min(waiting.len()));
            let wait = |since| self.now.saturating_sub(since);
            taken.extend(jobs.map(|since| Taken {
                lane: wish.lane,
                wait: wait(since),
            }));
        }
        taken
    }

    /// Claims up to `most`, again and again as long as it is worth it.
    fn fill(&mut self, shares: &mut Shares, most: u32) -> Vec<Taken> {
        let (mut all, mut left) = (Vec::new(), most);
        while left > 0 {
            let asked = shares.ask(left, self.now);
            let taken = self.claim(&asked);
            left = shares.took(&asked, &taken, self.now);
            all.extend(taken);
        }
        all
    }

    fn is_empty(&self) -> bool {
        self.waiting.values().all(VecDeque::is_empty)
    }
}

fn count(taken: &[Taken], lane: Lane) -> u64 {
    taken.iter().filter(|job| job.lane == lane).count() as u64
}

/// Shares with a past: some lanes ran dry, others gave more than their share.
fn with_a_past(queues: usize, past: &[(u8, u8, u16)], ageing: Duration) -> (Shares, Duration) {
    let mut shares = Shares::new(queues, ageing);
    let mut world = Queues::default();
    for (queue, level, jobs) in past {
        let lane = lane(usize::from(*queue) % queues, level % 10);
        world.put([lane], usize::from(*jobs), world.now);
        world.fill(&mut shares, u32::from(*jobs / 2 + 1));
        world.now += Duration::from_secs(u64::from(*jobs));
    }
    (shares, world.now)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_priority_gets_its_share_over_a_long_run_from_any_start(
        queues in 1..3_usize,
        past in proptest::collection::vec((0..3_u8, 0..10_u8, 0..300_u16), 0..12),
        batches in proptest::collection::vec(1..60_u32, 8),
        waited_s in proptest::collection::vec(0..1200_u64, 10),
    ) {
        let (mut shares, now) = with_a_past(queues, &past, MINUTE);
        let mut world = Queues { now, ..Queues::default() };
        world.now += Duration::from_hours(1);
        let ahead: HashMap<_, _> = lanes(queues).map(|lane| (lane, shares.ahead(lane))).collect();
        // Of a claim it may have had all, and no more.
        let largest = past.iter().map(|(.., jobs)| u64::from(jobs / 2 + 1)).max().unwrap_or(0);
        prop_assert!(ahead.values().all(|ahead| *ahead <= 2 * largest + 2), "{:?}", ahead);
        for (lane, waited) in lanes(queues).zip(waited_s.iter().cycle()) {
            let since = world.now - Duration::from_secs(*waited);
            world.put([lane], 6000, since);
        }
        let mut taken = Vec::new();
        for most in batches.iter().cycle() {
            let got = world.fill(&mut shares, *most);
            prop_assert_eq!(got.len(), *most as usize);
            taken.extend(got);
            world.now += Duration::from_secs(1);
            if taken.len() > 8000 {
                break;
            }
        }
        let of_queue = taken.len() as u64 / queues as u64;
        for lane in lanes(queues) {
            let share = SHARES_PERMILLE[usize::from(lane.priority.level())];
            // What it was ahead when the run began, and what is in the making when it ends: a turn of each lane, and the
            // last claim.
            let (got, least) = (count(&taken, lane) + ahead[&lane], of_queue * share / 1000);
            prop_assert!(got + 30 >= least, "{:?}: {} of {}, share {}", lane, got, of_queue, share);
        }
    }

    #[test]
    fn no_claim_is_short_while_anything_waits(
        steps in proptest::collection::vec((0..2_u8, 0..10_u8, 0..40_usize, 1..30_u32), 1..60),
    ) {
        let mut shares = Shares::new(2, MINUTE);
        let mut world = Queues::default();
        for (queue, level, jobs, most) in steps {
            world.put([lane(queue.into(), level)], jobs, world.now);
            let got = world.fill(&mut shares, most);
            prop_assert!(got.len() <= most as usize);
            // Lanes that were thought to be empty may be found by the next claim only.
            let more = world.fill(&mut shares, most);
            prop_assert!(!more.is_empty() || world.is_empty());
        }
    }
}

#[test]
fn what_a_lane_has_no_use_for_goes_to_the_others_at_once() {
    let mut shares = Shares::new(1, MINUTE);
    let mut world = Queues::default();
    world.put(lanes(1), 1000, Duration::ZERO);
    for _ in 0..10 {
        assert_eq!(world.fill(&mut shares, 100).len(), 100);
    }
    for level in 0..9 {
        world.waiting.remove(&lane(0, level));
    }
    assert_eq!(
        count(&world.fill(&mut shares, 100), lane(0, 9)),
        100,
        "in the same claim"
    );
}

#[test]
fn a_worker_for_one_job_at_a_time_keeps_the_shares_too() {
    let mut shares = Shares::new(1, MINUTE);
    let mut world = Queues::default();
    world.put(lanes(1), 1000, Duration::ZERO);
    let taken: Vec<_> = (0..2000).flat_map(|_| world.fill(&mut shares, 1)).collect();
    for lane in lanes(1) {
        let share = SHARES_PERMILLE[usize::from(lane.priority.level())];
        assert!(count(&taken, lane) + 2 >= 2 * share, "{lane:?}");
    }
}

#[test]
fn a_job_that_comes_after_a_while_is_next() {
    let mut shares = Shares::new(1, MINUTE);
    let mut world = Queues::default();
    world.put([lane(0, 4)], 10_000, Duration::ZERO);
    for _ in 0..20 {
        world.fill(&mut shares, 8);
    }
    world.put([lane(0, 9)], 1, Duration::ZERO);
    assert_eq!(count(&world.fill(&mut shares, 1), lane(0, 9)), 1);
}

/// How many of a thousand go to the least urgent priority when it has waited for an hour, and the others have not.
fn of_the_aged(ageing: Duration) -> u64 {
    let mut shares = Shares::new(1, ageing);
    let mut world = Queues {
        now: Duration::from_hours(1),
        ..Queues::default()
    };
    world.put([lane(0, 9)], 2000, Duration::ZERO);
    world.put(lanes(1).take(9), 2000, world.now);
    let taken: Vec<_> = (0..100).flat_map(|_| world.fill(&mut shares, 10)).collect();
    assert!(count(&taken, lane(0, 0)) + 10 >= SHARES_PERMILLE[0]);
    count(&taken, lane(0, 9))
}

#[test]
fn what_has_waited_long_comes_sooner_and_an_ageing_that_never_fires_is_seen() {
    let aged = SHARES_PERMILLE[9] + FREE_PERMILLE;
    assert!(of_the_aged(MINUTE) + 10 >= aged);
    assert!(of_the_aged(Duration::MAX) <= SHARES_PERMILLE[9] + 10);
}

#[test]
fn the_shares_and_what_is_free_are_the_whole() {
    assert_eq!(SHARES_PERMILLE.iter().sum::<u64>() + FREE_PERMILLE, 1000);
}

#[test]
fn the_table_in_the_readme_is_the_shares() {
    let row = README.lines().find(|line| line.starts_with("| share |"));
    let cells = row.unwrap().split('|').skip(2);
    let told: Vec<u64> = cells
        .filter_map(|cell| cell.trim().strip_suffix(" %")?.parse().ok())
        .map(|percent: u64| percent * 10)
        .collect();
    let shares = SHARES_PERMILLE.iter().chain([&FREE_PERMILLE]);
    assert!(told.iter().eq(shares), "{told:?}");
}
