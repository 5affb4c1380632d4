//! What befalls the nodes, while the clients are at work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::history::Event;
use super::world::World;

/// Lets the primary be another one again and again, until the clients are done; nothing is amiss after it.
pub(super) async fn failing_over(world: Arc<World>, done: Arc<AtomicBool>) {
    let dice = &world.dice;
    loop {
        world.time.pass(dice.millis(100, 2500)).await;
        if done.load(Ordering::SeqCst) {
            return;
        }
        match dice.between(0, 3) {
            0 => crash(&world).await,
            1 => command(&world).await,
            _ => partition(&world).await,
        }
    }
}

/// The primary is gone with what it had not sent, and comes back with nothing.
async fn crash(world: &World) {
    let dice = &world.dice;
    let old = world.pair().elected();
    world.pair().part(world.time.elapsed());
    world.pair().crash(old);
    world.time.pass(dice.millis(1, 300)).await;
    promote(world, "crash").await;
    world.time.pass(dice.millis(0, 500)).await;
    world.pair().follow(old);
}

/// The replica is promoted by hand. The old primary goes on until it finds that nobody follows it, or is told.
async fn command(world: &World) {
    let dice = &world.dice;
    let old = world.pair().elected();
    cut_off(world);
    promote(world, "command").await;
    world.time.pass(dice.millis(0, 300)).await;
    world.pair().follow(old);
}

/// The primary is cut off with some servers on its side, and some that reach both. The other one is promoted, or not.
async fn partition(world: &World) {
    let dice = &world.dice;
    let old = world.pair().elected();
    cut_off(world);
    world.set_reach(|| {
        let both = dice.permille(200);
        let here = dice.permille(500);
        let mut reach = [both || !here; 2];
        reach[old] = both || here;
        reach
    });
    world.time.pass(dice.millis(10, 300)).await;
    if dice.permille(850) {
        promote(world, "partition").await;
    } else {
        world.fault("partition alone");
    }
    let longest = *dice.pick(&[500, 3000]);
    world.time.pass(dice.millis(50, longest)).await;
    world.set_reach(|| [true; 2]);
    let follower = 1 - world.pair().elected();
    world.pair().follow(follower);
}

fn cut_off(world: &World) {
    let most = u64::try_from(world.setup.tick.as_millis()).unwrap_or(1);
    let (silent, look) = (world.dice.millis(0, most), world.dice.millis(0, most));
    world.time.catch_up();
    world.pair().cut(world.time.elapsed(), silent, look);
}

/// Promotes the other node, which somebody follows soon.
async fn promote(world: &World, why: &'static str) {
    let node = world.pair().promote();
    let at = world.time.elapsed();
    world.recorder.record(Event::Promoted { node, at, why });
    world.time.pass(world.dice.millis(0, 100)).await;
    world.pair().has_spare();
}

/// Steps the wall clocks of the nodes, no further than is configured for both together.
pub(super) async fn stepping(world: Arc<World>, done: Arc<AtomicBool>) {
    let dice = &world.dice;
    let most = i64::try_from(world.setup.clock_error.as_micros() / 2).unwrap_or_default();
    let mut ahead = [0_i64; 2];
    loop {
        world.time.pass(dice.millis(100, 1500)).await;
        if done.load(Ordering::SeqCst) {
            return;
        }
        let node = dice.index(2);
        let to = i64::try_from(dice.between(0, u64::try_from(most).unwrap_or(0)));
        let by_us = to.unwrap_or_default() - ahead[node];
        ahead[node] += by_us;
        let (clock, hand) = {
            let pair = world.pair();
            let (clock, hand) = pair.clock(node);
            (clock.clone(), hand)
        };
        world.time.step(&clock, hand, by_us);
        let at = world.time.elapsed();
        world.recorder.record(Event::Stepped { at, by_us });
    }
}

/// For how long a server stands still.
pub(super) fn pause(world: &World) -> Duration {
    let life = u64::try_from(world.setup.terms.lifetime.as_millis()).unwrap_or(1);
    world.dice.millis(5, 3 * life / 2)
}
