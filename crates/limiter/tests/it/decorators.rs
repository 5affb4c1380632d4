//! What stands in front of a keeper of buckets, and what each of them is for.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use stanchion_kernel::{Clock, ManualClock, Timestamp};
use stanchion_limiter::conformance::{CASES, Sharing, Subject};
use stanchion_limiter::port::{
    Backend, Memory, MemoryConfig, NearCache, NearCacheConfig, Shadow, WithFallback,
};
use stanchion_limiter::{Ask, Decision, Fallback, Limit, LimiterError, Rate};

type Wrap = fn(Arc<dyn Backend>, &Clock) -> Arc<dyn Backend>;

const ALL: [(&str, Wrap); 3] = [
    ("shadow", |inner, _| Arc::new(Shadow::new(inner))),
    ("fallback", |inner, clock| {
        let shares = MemoryConfig::default();
        Arc::new(WithFallback::new(inner, shares, clock.clone()))
    }),
    ("near cache", |inner, clock| {
        let config = NearCacheConfig::default();
        Arc::new(NearCache::new(inner, config, clock.clone()))
    }),
];

/// As the memory alone is examined, but through a decorator; two servers have one each.
fn subject(wrap: Wrap) -> Subject {
    let (clock, hand) = Clock::manual(Timestamp::default());
    let memory =
        || -> Arc<dyn Backend> { Arc::new(Memory::new(MemoryConfig::default(), clock.clone())) };
    let buckets = memory();
    hand.advance(Duration::from_hours(24));
    Subject {
        backend: wrap(Arc::clone(&buckets), &clock),
        other: wrap(buckets, &clock),
        newborn: wrap(memory(), &clock),
        pass: Arc::new(move |time| {
            hand.advance(time);
            Box::pin(std::future::ready(()))
        }),
        sharing: Sharing::Exact,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_decorator_conforms() {
    for (name, wrap) in ALL {
        for case in CASES {
            eprintln!("{name}: {}", case.name);
            (case.examine)(subject(wrap)).await;
        }
    }
}

/// A keeper that counts questions, and can be cut off.
#[derive(Debug)]
struct Remote {
    memory: Memory,
    asked: AtomicU32,
    is_cut_off: AtomicBool,
}

impl Remote {
    fn new(clock: &Clock) -> Arc<Self> {
        Arc::new(Self {
            memory: Memory::new(MemoryConfig::default(), clock.clone()),
            asked: AtomicU32::new(0),
            is_cut_off: AtomicBool::new(false),
        })
    }
}

#[async_trait]
impl Backend for Remote {
    async fn check(&self, asks: &[Ask<'_>]) -> Result<Vec<Decision>, LimiterError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.is_cut_off.load(Ordering::SeqCst) {
            return Err(LimiterError::Unavailable("cut off".to_owned()));
        }
        self.memory.check(asks).await
    }

    async fn refund(&self, ask: Ask<'_>) -> Result<(), LimiterError> {
        self.memory.refund(ask).await
    }
}

fn remote() -> (Arc<Remote>, Clock, ManualClock) {
    let (clock, hand) = Clock::manual(Timestamp::default());
    let remote = Remote::new(&clock);
    hand.advance(Duration::from_hours(24));
    (remote, clock, hand)
}

fn limit(burst: u64) -> Limit {
    Limit::new("limit", Rate::per_second(1), burst).expect("a limit")
}

async fn take(backend: &dyn Backend, limit: &Limit, cost: u64) -> Result<Decision, LimiterError> {
    let ask = Ask::new(limit, "key", cost)?;
    backend.check(&[ask]).await.map(|decisions| decisions[0])
}

#[tokio::test]
async fn a_denied_key_is_not_asked_about_again_before_its_time() {
    let (remote, clock, hand) = remote();
    let near = NearCache::new(remote.clone(), NearCacheConfig::default(), clock);
    let limit = limit(2);
    assert!(take(&near, &limit, 2).await.unwrap().allowed);
    assert!(!take(&near, &limit, 1).await.unwrap().allowed);
    let asked = remote.asked.load(Ordering::SeqCst);
    hand.advance(Duration::from_millis(400));
    let denied = take(&near, &limit, 2).await.unwrap();
    assert_eq!(
        (denied.allowed, denied.retry_after),
        (false, Duration::from_millis(600))
    );
    assert_eq!(remote.asked.load(Ordering::SeqCst), asked);
    hand.advance(Duration::from_millis(600));
    assert!(take(&near, &limit, 1).await.unwrap().allowed);
    // What is put back is there at once.
    assert!(!take(&near, &limit, 2).await.unwrap().allowed);
    near.refund(Ask::new(&limit, "key", 2).unwrap())
        .await
        .unwrap();
    assert!(take(&near, &limit, 2).await.unwrap().allowed);
}

#[tokio::test]
async fn more_denials_than_fit_are_forgotten_and_not_admitted() {
    let (remote, clock, _hand) = remote();
    let config = NearCacheConfig {
        denials: 32,
        ..NearCacheConfig::default()
    };
    let near = NearCache::new(remote, config, clock);
    let limit = limit(1);
    for n in 0..1_000 {
        let key = n.to_string();
        let ask = Ask::new(&limit, &key, 1).unwrap();
        assert!(near.check(&[ask]).await.unwrap()[0].allowed);
        assert!(!near.check(&[ask]).await.unwrap()[0].allowed);
        assert!(!near.check(&[ask]).await.unwrap()[0].allowed);
    }
}

#[tokio::test]
async fn a_limit_in_shadow_never_denies_and_takes_no_part_in_all_or_nothing() {
    let (remote, _clock, _hand) = remote();
    let shadow = Shadow::new(remote.clone());
    let (silent, strict) = (
        limit(1).in_shadow(true),
        Limit::new("strict", Rate::per_second(1), 3),
    );
    let strict = strict.unwrap();
    let both = [
        Ask::new(&silent, "key", 1).unwrap(),
        Ask::new(&strict, "key", 1).unwrap(),
    ];
    for left in [2, 1, 0] {
        let decisions = shadow.check(&both).await.unwrap();
        assert!(
            decisions
                .iter()
                .all(|decision| decision.allowed && !decision.is_violated())
        );
        assert_eq!(decisions[1].remaining, left);
    }
    let decisions = shadow.check(&both).await.unwrap();
    assert!(
        decisions.iter().all(|decision| !decision.allowed),
        "{decisions:?}"
    );
    assert!(decisions[1].is_violated() && !decisions[0].is_violated());
    remote.is_cut_off.store(true, Ordering::SeqCst);
    assert!(take(&shadow, &silent, 1).await.unwrap().allowed);
    assert!(take(&shadow, &strict, 1).await.is_err());
}

#[tokio::test]
async fn each_limit_says_what_it_says_when_its_buckets_cannot_be_reached() {
    let (remote, clock, hand) = remote();
    let shares = MemoryConfig::default();
    let backend = WithFallback::new(remote.clone(), shares, clock);
    let servers = NonZeroU16::new(4).unwrap();
    let share = limit(9).with_fallback(Fallback::Share { servers });
    let open = limit(9).with_fallback(Fallback::Allow);
    remote.is_cut_off.store(true, Ordering::SeqCst);
    assert!(take(&backend, &limit(9), 1).await.is_err());
    let allowed = take(&backend, &open, 9).await.unwrap();
    assert_eq!((allowed.allowed, allowed.bound), (true, u64::MAX));
    // Its share is empty at first, fills at a quarter of the rate up to a quarter of the burst, and says what it adds.
    assert!(!take(&backend, &share, 1).await.unwrap().allowed);
    hand.advance(Duration::from_secs(100));
    let taken = take(&backend, &share, 2).await.unwrap();
    assert_eq!((taken.allowed, taken.remaining, taken.bound), (true, 0, 25));
    assert!(!take(&backend, &share, 1).await.unwrap().allowed);
    // Another outage begins with nothing again.
    hand.advance(Duration::from_secs(100));
    remote.is_cut_off.store(false, Ordering::SeqCst);
    assert!(take(&backend, &share, 9).await.unwrap().allowed);
    remote.is_cut_off.store(true, Ordering::SeqCst);
    assert!(!take(&backend, &share, 1).await.unwrap().allowed);
}
