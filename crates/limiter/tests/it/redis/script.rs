//! The script against the bucket, call by call: both count alike, at any moment and in any shape.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use redis::Value;
use stanchion_limiter::Rate;
use stanchion_limiter::bucket::{Bucket, Level, Shape};
use stanchion_testkit::{Redis as Server, RedisOptions};
use std::time::Duration;

const SCRIPT: &str = include_str!("../../../src/port/redis/buckets.lua");
/// The clock is given to it, and so nothing may expire by the server's own.
const GIVEN: [(&str, &str); 3] = [
    ("redis.call('TIME')", "{ ARGV[#ARGV - 1], ARGV[#ARGV] }"),
    ("while at_word < #ARGV do", "while at_word < #ARGV - 2 do"),
    (", 'PX', lives)", ")"),
];
/// When the epoch began.
const START_US: u64 = 1_700_000_000_000_000;

#[derive(Clone, Copy, Debug)]
enum Step {
    Check(u64),
    Refund(u64),
    /// The limit is another one from now on.
    Change(Rate, u64),
    /// The clock goes forward by a part of the time that a token takes.
    Pass(f64),
    Back(u64),
}

fn rates() -> impl Strategy<Value = Rate> {
    let days = (1u64..5, 1u64..3).prop_map(|(n, days)| (n, days * 86_400_000_000));
    let fast = (1u64..=10_000_000).prop_map(|n| (n, 1_000_000));
    let odd = (1u64..1_000, 1u64..10_000_000);
    prop_oneof![days, fast, odd].prop_map(|(n, us)| Rate::new(n, Duration::from_micros(us)))
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => (0u64..6).prop_map(Step::Check),
        1 => (1u64..6).prop_map(Step::Refund),
        1 => (rates(), 5u64..50).prop_map(|(rate, burst)| Step::Change(rate, burst)),
        4 => (0.0..3.0f64).prop_map(Step::Pass),
        1 => (1u64..2_000_000).prop_map(Step::Back),
    ];
    proptest::collection::vec(step, 1..40)
}

/// The script at a moment that is given to it.
struct At<'a> {
    connection: &'a mut redis::Connection,
    script: redis::Script,
}

impl At<'_> {
    fn call(&mut self, now_us: u64, shape: Shape, words: &[&str], cost: u64) -> Vec<u64> {
        let mut call = self.script.prepare_invoke();
        call.key("epoch").key("bucket");
        call.arg(0).arg(0);
        for word in words {
            call.arg(*word);
        }
        call.arg(1)
            .arg(shape.units_per_token())
            .arg(shape.units_per_micro());
        call.arg(shape.burst())
            .arg(cost)
            .arg(now_us / 1_000_000)
            .arg(now_us % 1_000_000);
        let answer: Vec<Value> = call.invoke(self.connection).expect("the script runs");
        redis::from_redis_value(answer[1].clone()).expect("whole numbers")
    }
}

fn check_one(at: &mut At<'_>, steps: &[Step]) -> Result<(), TestCaseError> {
    let _: () = redis::cmd("FLUSHALL")
        .query(at.connection)
        .expect("an empty server");
    let _: () = redis::cmd("SET")
        .arg("epoch")
        .arg(format!("-{START_US}"))
        .query(at.connection)
        .expect("an epoch");
    let (mut rate, mut now_us) = (Rate::per_second(2), START_US);
    let mut shape = Shape::new(rate, 7).expect("a limit");
    let mut model = Model(None);
    for step in steps {
        match step {
            Step::Pass(share) => now_us += length_us(rate, *share),
            Step::Back(us) => now_us = now_us.saturating_sub(*us).max(START_US),
            Step::Change(to, burst) => {
                if let Ok(to_shape) = Shape::new(*to, *burst) {
                    (shape, rate) = (to_shape, *to);
                }
            }
            Step::Refund(cost) if *cost <= shape.burst() => {
                at.call(now_us, shape, &["refund"], *cost);
                model.refund(shape, now_us, *cost);
            }
            Step::Check(cost) if *cost <= shape.burst() => {
                let said = at.call(now_us, shape, &["check", "1"], *cost);
                let level = model.check(shape, now_us, *cost);
                let expected = [
                    u64::from(level.holds),
                    level.tokens,
                    us(level.until_held),
                    us(level.until_full),
                ];
                prop_assert_eq!(said, expected, "{:?} at {}", level, now_us);
            }
            Step::Refund(_) | Step::Check(_) => {}
        }
    }
    Ok(())
}

/// What is stored: the bucket, its shape, and when that was. What changes nothing is not stored.
struct Model(Option<(Bucket, Shape, u64)>);

impl Model {
    fn bucket(&self, shape: Shape, now_us: u64) -> Bucket {
        match self.0 {
            Some((bucket, held, _)) => bucket.in_shape(held, shape, now_us),
            None => Bucket::empty(START_US),
        }
    }

    fn check(&mut self, shape: Shape, now_us: u64, cost: u64) -> Level {
        let mut bucket = self.bucket(shape, now_us);
        let level = bucket.take(shape, now_us, cost);
        let stepped_back = self.0.is_some_and(|(_, _, at_us)| now_us < at_us);
        if (level.holds && cost > 0) || stepped_back {
            self.0 = Some((bucket, shape, now_us));
        }
        level
    }

    fn refund(&mut self, shape: Shape, now_us: u64, cost: u64) {
        let mut bucket = self.bucket(shape, now_us);
        bucket.refund(shape, now_us, cost);
        if self.0.is_some() {
            self.0 = Some((bucket, shape, now_us));
        }
    }
}

fn us(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).expect("a time")
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a random length of time"
)]
fn length_us(rate: Rate, share: f64) -> u64 {
    (share * rate.period().as_micros() as f64 / rate.tokens() as f64) as u64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_script_counts_as_the_bucket_does() {
    let server = Server::start(RedisOptions::default()).await;
    let client = redis::Client::open(server.url()).expect("an address");
    let mut connection = client.get_connection().expect("a connection");
    let mut at_a_moment = SCRIPT.to_owned();
    for (from, to) in GIVEN {
        assert!(at_a_moment.contains(from), "{from}");
        at_a_moment = at_a_moment.replace(from, to);
    }
    let at = At {
        connection: &mut connection,
        script: redis::Script::new(&at_a_moment),
    };
    let mut runner = TestRunner::new(ProptestConfig::with_cases(200));
    // A server and a connection are one, and a strategy's test may change nothing outside of it.
    let at = std::cell::RefCell::new(at);
    let counted = runner.run(&steps(), |steps| check_one(&mut at.borrow_mut(), &steps));
    counted.expect("both count alike");
}
