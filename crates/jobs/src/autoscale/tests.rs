use proptest::prelude::*;

use super::*;

const RULES: Rules = Rules {
    min: 1,
    max: 20,
    slots: 2,
    drain: Duration::from_secs(60),
    smoothing: Duration::from_secs(10),
    calm: Duration::from_secs(30),
    spare: 0.1,
    assumed_service: Duration::from_secs(1),
};

/// A second's sight: so many arrivals a second, all served, half a second each.
fn sight(at_s: u64, arrived: u64, backlog: u64) -> Sight {
    Sight {
        at: Duration::from_secs(at_s),
        arrived,
        served: arrived,
        service: Duration::from_millis(500) * u32::try_from(arrived).unwrap(),
        backlog,
        in_flight: 0,
    }
}

/// A second's sight in which nothing came and nothing was served.
fn still(at_s: u64, backlog: u64, in_flight: u64) -> Sight {
    Sight {
        in_flight,
        ..sight(at_s, 0, backlog)
    }
}

/// What the workers are at the end of each second of steady arrivals.
fn steady(scaler: &mut Autoscaler, seconds: std::ops::Range<u64>, arrived: u64) -> Vec<u32> {
    seconds
        .map(|at| scaler.observe(&sight(at, arrived, 0)))
        .collect()
}

#[test]
fn the_need_is_what_comes_in_and_a_part_of_the_backlog() {
    let drain = Duration::from_secs(60);
    assert!((need(10.0, 0.5, 0, drain) - 5.0).abs() < 1e-9);
    assert!((need(10.0, 0.5, 240, drain) - 7.0).abs() < 1e-9);
}

#[test]
fn steady_arrivals_get_the_workers_that_they_need() {
    let mut scaler = Autoscaler::new(RULES);
    let workers = steady(&mut scaler, 0..120, 30);
    // 30 jobs a second of half a second each are 15 at once, two to a worker.
    assert_eq!(workers.last(), Some(&8));
    assert!(workers.is_sorted());
}

#[test]
fn a_backlog_is_followed_at_once_and_its_end_only_after_a_calm() {
    let mut scaler = Autoscaler::new(RULES);
    let _learnt = steady(&mut scaler, 0..60, 3);
    assert_eq!(scaler.workers(), 1);
    assert_eq!(scaler.observe(&sight(60, 3, 960)), 5);
    let held = steady(&mut scaler, 61..90, 3);
    assert!(held.iter().all(|workers| *workers == 5), "{held:?}");
    let after = steady(&mut scaler, 90..100, 3);
    assert_eq!(after.last(), Some(&1));
}

#[test]
fn a_need_about_a_whole_number_starts_and_stops_nobody() {
    let mut scaler = Autoscaler::new(RULES);
    let _learnt = steady(&mut scaler, 0..200, 16);
    let before = scaler.workers();
    let wavering: Vec<_> = (200..2000)
        .map(|at| scaler.observe(&sight(at, 15 + at % 3, 0)))
        .collect();
    let changes = wavering
        .windows(2)
        .filter(|pair| pair[0] != pair[1])
        .count();
    assert!(changes <= 1, "{before} {changes}");
}

#[test]
fn a_burst_is_backlog_and_no_rate() {
    let mut scaler = Autoscaler::new(RULES);
    let _learnt = steady(&mut scaler, 0..60, 3);
    let burst = Sight {
        arrived: 963,
        ..sight(60, 3, 960)
    };
    // As a rate it would have been 96 jobs a second, and the most workers there may be.
    let workers = [
        scaler.observe(&burst),
        *steady(&mut scaler, 61..70, 3).last().unwrap(),
    ];
    assert!(
        workers.iter().all(|workers| (5..=6).contains(workers)),
        "{workers:?}"
    );
}

#[test]
fn what_nobody_has_served_yet_is_assumed() {
    let mut scaler = Autoscaler::new(RULES);
    let unserved = Sight {
        served: 0,
        service: Duration::ZERO,
        ..sight(1, 0, 600)
    };
    // 600 jobs of an assumed second within a minute are ten at once.
    assert_eq!(scaler.observe(&unserved), 5);
}

#[test]
fn workers_are_kept_while_their_jobs_run_however_long_that_takes() {
    let mut scaler = Autoscaler::new(Rules {
        assumed_service: RULES.drain,
        ..RULES
    });
    // Sixteen jobs of a minute within a minute are sixteen at once.
    assert_eq!(scaler.observe(&still(0, 16, 0)), 8);
    let mut after = |at_s, in_flight| scaler.observe(&still(at_s, 0, in_flight));
    let held: Vec<u32> = (1..600).map(|at_s| after(at_s, 16)).collect();
    assert!(held.iter().all(|workers| *workers == 8), "{held:?}");
    let falling = [(600, 15), (601, 5), (602, 7), (603, 1), (604, 0)];
    let falling = falling.map(|(at_s, in_flight)| after(at_s, in_flight));
    assert_eq!(falling, [8, 3, 3, 1, 1]);
}

#[test]
fn what_runs_elsewhere_starts_nobody() {
    let mut scaler = Autoscaler::new(RULES);
    let workers: Vec<u32> = (0..60)
        .map(|at_s| scaler.observe(&still(at_s, 0, 40)))
        .collect();
    assert!(workers.iter().all(|workers| *workers == 1), "{workers:?}");
}

proptest! {
    #[test]
    fn it_stays_within_its_bounds_whatever_it_sees(
        min in 0..5_u32, max in 0..50_u32, slots in 0..4_u32,
        sights in proptest::collection::vec(
            (0..100_u64, any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>()), 1..50,
        ),
    ) {
        let mut scaler = Autoscaler::new(Rules { min, max, slots, drain: Duration::ZERO, smoothing: Duration::ZERO, ..RULES });
        for (at_s, arrived, served, service_us, backlog, in_flight) in sights {
            let sight = Sight {
                at: Duration::from_secs(at_s), arrived, served, backlog, in_flight,
                service: Duration::from_micros(service_us),
            };
            let workers = scaler.observe(&sight);
            prop_assert!(workers >= min && workers <= max.max(min).max(1));
            prop_assert_eq!(workers, scaler.workers());
            prop_assert!(scaler.floors.len() <= 2 + max as usize);
        }
    }
}
