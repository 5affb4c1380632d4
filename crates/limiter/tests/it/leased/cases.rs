use std::time::Duration;

use stanchion_limiter::lease::Terms;
use stanchion_limiter::port::{Backend as _, Leased, LeasedConfig};
use stanchion_limiter::{Ask, Decision, Limit, LimiterError, Rate};

use super::World;

/// A limit of which no case sees a token come back.
fn slow(burst: u64) -> Limit {
    Limit::new("slow", Rate::new(1, Duration::from_secs(10)), burst).expect("a limit")
}

async fn ask(holder: &Leased, limit: &Limit, cost: u64) -> Decision {
    let ask = Ask::new(limit, "k", cost).expect("a question");
    holder.check(&[ask]).await.expect("an answer")[0]
}

/// Takes tokens by ten until there are no more.
async fn drain(holder: &Leased, limit: &Limit) -> u64 {
    let mut admitted = 0;
    while ask(holder, limit, 10).await.allowed {
        admitted += 10;
        assert!(admitted <= limit.burst(), "more than the burst");
    }
    admitted
}

/// Spends 200, half of it from a lease of 250.
async fn borrow(holder: &Leased, limit: &Limit) {
    for _ in 0..2 {
        assert!(ask(holder, limit, 100).await.allowed);
    }
}

#[tokio::test]
async fn a_suspended_holder_does_not_spend_a_lease_that_is_over() {
    let (world, limit) = (World::new(), slow(1000));
    let holder = world.holder(1);
    borrow(&holder, &limit).await;
    assert_eq!(world.keeper.left(&limit, "k").await, 650);
    let ten = Ask::new(&limit, "k", 10).unwrap();
    assert!(holder.check_now(&ten).unwrap().unwrap().allowed);
    world.hand.suspend(Duration::from_secs(5));
    assert!(holder.check_now(&ten).is_none());
    // The keeper, which was suspended too, still counts the lease as lent.
    assert_eq!(drain(&holder, &limit).await, 650);
}

#[tokio::test]
async fn a_lease_is_spent_until_its_end_and_not_longer() {
    let (world, limit) = (World::new(), slow(1000));
    let holder = world.holder(1);
    borrow(&holder, &limit).await;
    let ten = Ask::new(&limit, "k", 10).unwrap();
    world.hand.advance(Duration::from_millis(4949));
    assert!(holder.check_now(&ten).unwrap().unwrap().allowed);
    world.hand.advance(Duration::from_millis(1));
    assert!(holder.check_now(&ten).is_none());
}

#[tokio::test]
async fn what_is_unspent_is_given_back_at_the_end() {
    let (world, limit) = (World::new(), slow(1000));
    let holder = world.holder(1);
    borrow(&holder, &limit).await;
    holder.give_back_all().await.unwrap();
    assert_eq!(world.keeper.left(&limit, "k").await, 800);
    assert_eq!(drain(&holder, &limit).await, 800);
}

#[tokio::test]
async fn what_is_unspent_is_given_back_before_it_is_lost() {
    let (world, limit) = (World::new(), slow(1000));
    let holder = world.holder(1);
    borrow(&holder, &limit).await;
    holder.give_back_ending().await.unwrap();
    assert_eq!(world.keeper.left(&limit, "k").await, 650);
    world.hand.advance(Duration::from_secs(3));
    holder.give_back_ending().await.unwrap();
    assert_eq!(world.keeper.left(&limit, "k").await, 800);
}

#[tokio::test]
async fn a_lost_answer_costs_nothing_once_it_is_asked_again() {
    let (world, limit) = (World::new(), slow(1000));
    let holder = world.holder(1);
    assert!(ask(&holder, &limit, 100).await.allowed);
    world.keeper.lose(1);
    let hundred = [Ask::new(&limit, "k", 100).unwrap()];
    let lost = holder.check(&hundred).await;
    assert!(matches!(lost, Err(LimiterError::Unavailable(_))));
    assert_eq!(world.keeper.left(&limit, "k").await, 650);
    assert!(ask(&holder, &limit, 100).await.allowed);
    assert_eq!(world.keeper.left(&limit, "k").await, 650);
    // A settlement whose answer is lost is repeated, and counts once.
    world.keeper.lose(1);
    assert!(holder.give_back_all().await.is_err());
    assert_eq!(world.keeper.left(&limit, "k").await, 800);
    assert_eq!(drain(&holder, &limit).await, 800);
}

#[tokio::test]
async fn a_lease_asked_for_again_ends_as_asked_for_first() {
    let (world, limit) = (World::new(), slow(1000));
    let holder = world.holder(1);
    assert!(ask(&holder, &limit, 100).await.allowed);
    world.keeper.lose(1);
    let hundred = Ask::new(&limit, "k", 100).unwrap();
    assert!(holder.check(&[hundred]).await.is_err());
    world.hand.advance(Duration::from_secs(2));
    assert!(ask(&holder, &limit, 100).await.allowed);
    assert_eq!(world.keeper.left(&limit, "k").await, 650);
    world.hand.advance(Duration::from_millis(2949));
    let ten = Ask::new(&limit, "k", 10).unwrap();
    assert!(holder.check_now(&ten).unwrap().unwrap().allowed);
    world.hand.advance(Duration::from_millis(1));
    assert!(holder.check_now(&ten).is_none());
}

#[tokio::test]
async fn a_saturated_key_costs_few_calls() {
    let (world, limit) = (World::new(), slow(1000));
    let holder = world.holder(1);
    assert_eq!(drain(&holder, &limit).await, 1000);
    let before = world.keeper.calls();
    for _ in 0..1000 {
        let refused = ask(&holder, &limit, 10).await;
        assert!(!refused.allowed && refused.is_violated());
    }
    assert!(world.keeper.calls() - before <= 2);
}

#[tokio::test]
async fn the_next_lease_is_there_before_this_one_is_spent() {
    let (world, limit) = (World::new(), slow(1_000_000));
    let holder = world.holder(1);
    for _ in 0..2 {
        assert!(ask(&holder, &limit, 1000).await.allowed);
    }
    let one = Ask::new(&limit, "k", 1).unwrap();
    let mut admitted = 0;
    for _ in 0..20_000 {
        let asked = holder.check_now(&one);
        if let Some(asked) = asked {
            assert!(asked.unwrap().allowed);
            admitted += 1;
        } else if ask(&holder, &limit, 1).await.allowed {
            admitted += 1;
        }
        // The request is under way in a task of its own.
        tokio::task::yield_now().await;
    }
    assert_eq!(admitted, 20_000);
    assert!((3..10).contains(&world.keeper.granted()));
    // But for the first one, no check waited for its lease.
    let calls = world.keeper.calls();
    assert_eq!(calls, 1 + world.keeper.granted());
}

#[tokio::test]
async fn a_denial_by_the_keeper_gives_back_what_was_taken_from_a_lease() {
    let (world, limit) = (World::new(), slow(1000));
    let narrow = Limit::new("narrow", Rate::new(1, Duration::from_secs(10)), 10).unwrap();
    let holder = world.holder(1);
    borrow(&holder, &limit).await;
    let both = |cost| {
        let asks = [Ask::new(&limit, "k", 20), Ask::new(&narrow, "k", cost)];
        asks.map(|ask| ask.expect("a question"))
    };
    assert!(holder.check(&both(10)).await.unwrap()[0].allowed);
    for _ in 0..5 {
        let refused = holder.check(&both(1)).await.unwrap();
        assert!(refused.iter().all(|decision| !decision.allowed));
        assert!(!refused[0].is_violated() && refused[1].is_violated());
    }
    holder.give_back_all().await.unwrap();
    assert_eq!(world.keeper.left(&limit, "k").await, 780);
}

#[tokio::test]
async fn keys_beyond_the_bound_are_checked_by_the_keeper() {
    let (world, limit) = (World::new(), slow(1000));
    let config = LeasedConfig {
        keys: 2,
        shards: 1,
        ..LeasedConfig::default()
    };
    let holder = world.configured(config);
    for key in ["a", "b", "c", "d"] {
        for _ in 0..10 {
            let ask = Ask::new(&limit, key, 100).unwrap();
            assert!(holder.check(&[ask]).await.unwrap()[0].allowed, "{key}");
        }
        let ask = Ask::new(&limit, key, 1).unwrap();
        assert!(!holder.check(&[ask]).await.unwrap()[0].allowed, "{key}");
    }
    assert!(world.keeper.granted() > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_and_holders_together_get_no_more_than_the_burst() {
    let (world, limit) = (World::new(), slow(100_000));
    let holders = [world.holder(2), world.holder(2)];
    let mut calls = Vec::new();
    for n in 0..8 {
        let (holder, limit) = (holders[n % 2].clone(), limit.clone());
        calls.push(tokio::spawn(async move {
            let mut admitted = 0;
            for _ in 0..20_000 {
                admitted += u64::from(ask(&holder, &limit, 1).await.allowed);
            }
            admitted
        }));
    }
    let mut admitted = 0;
    for call in calls {
        admitted += call.await.unwrap();
    }
    for holder in &holders {
        holder.give_back_all().await.unwrap();
    }
    assert_eq!(admitted + world.keeper.left(&limit, "k").await, 100_000);
    assert!(admitted > 90_000, "{admitted}");
}

#[tokio::test]
async fn terms_out_of_bounds_are_refused() {
    let world = World::new();
    let sound = LeasedConfig::default();
    let terms = sound.terms;
    let with = |terms: Terms| LeasedConfig { terms, ..sound };
    for config in [
        with(Terms {
            servers: 0,
            ..terms
        }),
        with(Terms {
            lifetime: Duration::ZERO,
            ..terms
        }),
        with(Terms {
            lifetime: Duration::from_secs(61),
            ..terms
        }),
        with(Terms {
            horizon: Duration::ZERO,
            ..terms
        }),
        with(Terms {
            horizon: terms.lifetime,
            ..terms
        }),
        LeasedConfig { keys: 0, ..sound },
        LeasedConfig { shards: 0, ..sound },
        LeasedConfig {
            renewals: 0,
            ..sound
        },
    ] {
        let ids =
            stanchion_kernel::Ids::new(world.clock.clone(), stanchion_kernel::Entropy::seeded(1));
        let keeper = std::sync::Arc::clone(&world.keeper);
        let made = Leased::new(keeper, config, world.clock.clone(), ids);
        assert!(matches!(made, Err(LimiterError::Config(_))), "{config:?}");
    }
}
