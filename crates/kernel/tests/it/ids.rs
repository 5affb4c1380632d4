use std::collections::HashSet;
use std::time::Duration;

use stanchion_kernel::{Clock, Entropy, Ids, Timestamp, Uuid};

fn start() -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000)
}

#[test]
fn ids_only_grow_within_a_millisecond_and_when_the_clock_steps_back() {
    let (clock, hand) = Clock::manual(start());
    let ids = Ids::new(clock, Entropy::seeded(1));
    let mut last = ids.next();
    for round in 0..10_000 {
        match round % 100 {
            0 => hand.advance(Duration::from_millis(3)),
            50 => hand.step_wall(Timestamp::from_micros(start().as_micros() - 5_000_000)),
            _ => {}
        }
        let next = ids.next();
        assert!(next > last, "{next} after {last}");
        last = next;
    }
}

#[test]
fn an_id_is_a_version_7_uuid_that_carries_its_milliseconds() {
    let (clock, _hand) = Clock::manual(start());
    let id = Ids::new(clock, Entropy::seeded(1)).next();
    assert_eq!(id.get_version_num(), 7);
    assert_eq!(id.get_variant(), uuid_variant());
    assert_eq!(id.as_u128() >> 80, 1_700_000_000_000);
}

fn uuid_variant() -> uuid::Variant {
    uuid::Variant::RFC4122
}

#[test]
fn the_same_seed_gives_the_same_ids_and_another_seed_others() {
    let series = |seed| -> Vec<Uuid> {
        let (clock, _hand) = Clock::manual(start());
        let ids = Ids::new(clock, Entropy::seeded(seed));
        (0..100).map(|_| ids.next()).collect()
    };
    assert_eq!(series(5), series(5));
    assert_ne!(series(5), series(6));
}

#[test]
fn threads_never_get_the_same_id() {
    let ids = Ids::new(Clock::system(), Entropy::system());
    let drawn: Vec<Uuid> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| (0..5_000).map(|_| ids.next()).collect::<Vec<_>>()))
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    assert_eq!(drawn.iter().collect::<HashSet<_>>().len(), 20_000);
}

#[test]
fn below_stays_below_its_bound() {
    let entropy = Entropy::seeded(3);
    assert_eq!(entropy.below(0), 0);
    assert!((0..1_000).all(|_| entropy.below(7) < 7));
    assert_eq!(
        (0..1_000)
            .map(|_| entropy.below(7))
            .collect::<HashSet<_>>()
            .len(),
        7
    );
}
