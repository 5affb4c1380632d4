use std::sync::Arc;
use std::time::Duration;

use stanchion_kernel::{Clock, ManualClock, Timestamp};
use stanchion_limiter::conformance::{CASES, LENDER_CASES, LenderSubject, Sharing, Subject};
use stanchion_limiter::port::{Backend, Memory, MemoryConfig};
use stanchion_limiter::{Ask, Limit, LimiterError, Rate};

/// A keeper that began a day ago.
pub(crate) fn subject() -> Subject {
    let (clock, hand) = Clock::manual(Timestamp::default());
    let backend: Arc<dyn Backend> = Arc::new(Memory::new(MemoryConfig::default(), clock.clone()));
    hand.advance(Duration::from_hours(24));
    Subject {
        other: Arc::clone(&backend),
        backend,
        newborn: Arc::new(Memory::new(MemoryConfig::default(), clock)),
        pass: Arc::new(move |time| {
            hand.advance(time);
            Box::pin(std::future::ready(()))
        }),
        sharing: Sharing::Exact,
    }
}

/// A keeper that lends and began a day ago.
pub(crate) fn lender() -> LenderSubject {
    let (clock, hand) = Clock::manual(Timestamp::default());
    let lender = Arc::new(Memory::new(MemoryConfig::default(), clock));
    hand.advance(Duration::from_hours(24));
    LenderSubject {
        lender,
        pass: Arc::new(move |time| {
            hand.advance(time);
            Box::pin(std::future::ready(()))
        }),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_lends() {
    for case in LENDER_CASES {
        eprintln!("{}", case.name);
        (case.examine)(lender()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_conforms() {
    for case in CASES {
        eprintln!("{}", case.name);
        (case.examine)(subject()).await;
    }
}

fn narrow(buckets: usize) -> (Memory, ManualClock) {
    let (clock, hand) = Clock::manual(Timestamp::default());
    let config = MemoryConfig { buckets, shards: 1 };
    let memory = Memory::new(config, clock);
    hand.advance(Duration::from_hours(1));
    (memory, hand)
}

#[tokio::test]
async fn buckets_beyond_the_bound_are_refused_until_others_are_full() {
    let (memory, hand) = narrow(100);
    let limit = Limit::new("bound", Rate::per_second(1), 10).unwrap();
    for n in 0..100 {
        let key = format!("key-{n}");
        let asked = memory.check(&[Ask::new(&limit, &key, 1).unwrap()]).await;
        assert!(asked.unwrap()[0].allowed);
    }
    let one_more = [Ask::new(&limit, "one more", 1).unwrap()];
    assert_eq!(memory.check(&one_more).await, Err(LimiterError::Crowded));
    let known = [Ask::new(&limit, "key-7", 1).unwrap()];
    assert_eq!(memory.check(&known).await.unwrap()[0].remaining, 8);
    hand.advance(Duration::from_secs(1));
    assert!(memory.check(&one_more).await.unwrap()[0].allowed);
    assert_eq!(memory.check(&known).await.unwrap()[0].remaining, 8);
}
