mod cases;
mod counted;
mod properties;
mod scaled;

use std::sync::Arc;
use std::time::Duration;

use stanchion_kernel::{Clock, Entropy, Ids, ManualClock, Timestamp};
use stanchion_limiter::conformance::{CASES, Sharing, Subject};
use stanchion_limiter::lease::Terms;
use stanchion_limiter::port::{Backend, Leased, LeasedConfig, Memory, MemoryConfig};

use counted::Counted;
use scaled::Scaled;

/// A keeper that counts, and how time passes for it and for those who borrow from it.
struct World {
    keeper: Arc<Counted>,
    clock: Clock,
    hand: ManualClock,
}

impl World {
    /// The keeper began a year ago.
    fn new() -> Self {
        let (clock, hand) = Clock::manual(Timestamp::default());
        let memory = Memory::new(MemoryConfig::default(), clock.clone());
        hand.advance(Duration::from_hours(366 * 24));
        let keeper = Arc::new(Counted::new(memory));
        Self {
            keeper,
            clock,
            hand,
        }
    }

    fn holder(&self, servers: u16) -> Leased {
        let config = LeasedConfig::default();
        let terms = Terms {
            servers,
            ..config.terms
        };
        self.configured(LeasedConfig { terms, ..config })
    }

    fn configured(&self, config: LeasedConfig) -> Leased {
        let ids = Ids::new(self.clock.clone(), Entropy::system());
        let keeper = Arc::clone(&self.keeper);
        Leased::new(keeper, config, self.clock.clone(), ids).expect("a configuration")
    }

    fn subject(&self, backend: Arc<dyn Backend>, other: Arc<dyn Backend>) -> Subject {
        let newborn = Memory::new(MemoryConfig::default(), self.clock.clone());
        let hand = self.hand.clone();
        Subject {
            backend,
            other,
            newborn: Arc::new(newborn),
            pass: Arc::new(move |time| {
                hand.advance(time);
                Box::pin(std::future::ready(()))
            }),
            sharing: Sharing::Exact,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_holders_conform_where_limits_are_too_small_to_be_leased() {
    for case in CASES {
        eprintln!("{}", case.name);
        let world = World::new();
        // Each of ten servers may hold less than any burst of the cases.
        let (one, other) = (world.holder(10), world.holder(10));
        (case.examine)(world.subject(Arc::new(one), Arc::new(other))).await;
        assert_eq!(world.keeper.granted(), 0, "{}", case.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_conforms_where_limits_are_large_enough_to_be_leased() {
    let mut granted = 0;
    for case in CASES {
        eprintln!("{}", case.name);
        let world = World::new();
        // What another holder has borrowed would be missing where a case counts exactly.
        let holder: Arc<dyn Backend> = Arc::new(Scaled::new(world.holder(1), 1000));
        (case.examine)(world.subject(Arc::clone(&holder), holder)).await;
        granted += world.keeper.granted();
    }
    assert!(granted >= 10, "{granted} leases");
}
