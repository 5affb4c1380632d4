//! Servers that are stopped and go on: with leases in their hands, and between a question and its answer.
//!
//! Each is a process of its own: this very program, started to run one test, which does nothing in an ordinary run.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use stanchion_kernel::{Clock, Entropy, Ids};
use stanchion_limiter::conformance::{Admission, History};
use stanchion_limiter::lease::Terms;
use stanchion_limiter::port::{Backend, Leased, LeasedConfig, Place, Redis, RedisConfig};
use stanchion_limiter::{Ask, Limit, Rate};
use stanchion_testkit::{Program, Proxy, Redis as Server, RedisOptions, Running, eventually, hold};

use super::fleet::DEADLINE;

const URL: &str = "STANCHION_TEST_REDIS";
const IS_LEASED: &str = "STANCHION_TEST_LEASED";
const IS_PATIENT: &str = "STANCHION_TEST_PATIENT";
const REPLY_WITHIN: Duration = Duration::from_millis(300);
const LIFETIME: Duration = Duration::from_millis(400);
const STOPS: usize = 6;

fn limit() -> Limit {
    Limit::new("held", Rate::per_second(500), 1_000).expect("a limit")
}

fn config(url: String) -> RedisConfig {
    let is_patient = std::env::var(IS_PATIENT).is_ok();
    RedisConfig {
        reply_within: if is_patient { DEADLINE } else { REPLY_WITHIN },
        quarantine: Some(Duration::from_millis(900)),
        longest_lease: LIFETIME,
        ..RedisConfig::new(Place::Single(url))
    }
}

async fn backend(url: String, is_leased: bool, clock: &Clock) -> Arc<dyn Backend> {
    let entropy = Entropy::system();
    let redis = Redis::connect(config(url), clock.clone(), &entropy).await;
    let redis = redis.expect("a server that can be used");
    if !is_leased {
        return Arc::new(redis);
    }
    let terms = Terms {
        servers: 2,
        horizon: LIFETIME / 4,
        lifetime: LIFETIME,
        pause: Duration::from_millis(10),
    };
    let config = LeasedConfig {
        terms,
        ..LeasedConfig::default()
    };
    let ids = Ids::new(clock.clone(), entropy);
    let leased = Leased::new(Arc::new(redis), config, clock.clone(), ids);
    Arc::new(leased.expect("terms within their bounds"))
}

/// What a server of ours does, until it is ended: it says when each admission was asked for and decided, since boot.
#[tokio::test]
async fn a_server_that_asks() {
    let Ok(url) = std::env::var(URL) else {
        return;
    };
    let clock = Clock::system();
    let mut out = std::io::stdout();
    let backend = backend(url, std::env::var(IS_LEASED).is_ok(), &clock).await;
    let limit = limit();
    let ask = Ask::new(&limit, "key", 1).expect("a question");
    let mut pace = tokio::time::interval(Duration::from_millis(1));
    loop {
        pace.tick().await;
        for _ in 0..2 {
            let sent = clock.boot().as_micros();
            let answer = backend.check(&[ask]).await;
            let decided = clock.boot().as_micros();
            if answer.is_ok_and(|decisions| decisions[0].allowed) {
                writeln!(out, "admitted {sent} {decided}").expect("somebody listens");
            }
        }
    }
}

fn start(port: u16, flag: Option<&str>) -> Running {
    let this = std::env::current_exe().expect("this program");
    let program = Program::new(this)
        .args([
            "--exact",
            "failover::paused::a_server_that_asks",
            "--nocapture",
        ])
        .env(URL, format!("redis://127.0.0.1:{port}/"));
    let program = match flag {
        Some(flag) => program.env(flag, "1"),
        None => program,
    };
    program.start()
}

fn admissions(running: &Running) -> Vec<Admission> {
    let said = running.stdout();
    let admission = |line: &str| {
        let (sent, decided) = line.strip_prefix("admitted ")?.split_once(' ')?;
        Some(Admission {
            sent: Duration::from_micros(sent.parse().ok()?),
            decided: Duration::from_micros(decided.parse().ok()?),
            cost: 1,
        })
    };
    said.lines().filter_map(admission).collect()
}

async fn admits(running: &Running, more: usize) {
    let before = admissions(running).len();
    eventually("it admits", DEADLINE, || async {
        admissions(running).len() >= before + more
    })
    .await;
}

/// Two servers ask; one of them is stopped again and again, for longer than a lease lives and an answer is honoured.
async fn stop_and_go(flag: Option<&str>) -> (Vec<Admission>, Vec<Admission>) {
    let server = Server::start(RedisOptions::default()).await;
    // A question is under way nearly always.
    let proxy = Proxy::start(("127.0.0.1", server.port()));
    proxy.delay(Duration::from_millis(10));
    let port = proxy.addr().port();
    let (stopped, other) = (start(port, flag), start(port, flag));
    admits(&stopped, 300).await;
    for _ in 0..STOPS {
        stopped.pause().await;
        hold("a server is stopped", 2 * LIFETIME).await;
        stopped.resume();
        admits(&stopped, 20).await;
        admits(&other, 20).await;
    }
    let all = (admissions(&stopped), admissions(&other));
    stopped.kill9();
    other.kill9();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_stopped_with_a_lease_in_its_hands_spends_nothing_of_it_afterwards() {
    let (stopped, other) = stop_and_go(Some(IS_LEASED)).await;
    let history = History::default();
    for admission in stopped.into_iter().chain(other) {
        history.add(admission);
    }
    let excess = history.excess(&limit());
    assert_eq!(excess.tokens, 0, "{excess:?}");
}

/// Of how many questions the answer was honoured long after it had been due.
async fn late(flag: Option<&str>) -> usize {
    let (stopped, _) = stop_and_go(flag).await;
    let bound = REPLY_WITHIN + Duration::from_millis(100);
    let late = stopped.iter().filter(|one| one.decided - one.sent > bound);
    late.count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_was_slept_through_admits_nothing() {
    // A stop may come before the question is asked, or after the answer was looked at; hardly ever does it.
    assert!(late(None).await < STOPS / 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_would_wait_for_longer_would_honour_what_it_slept_through() {
    assert!(late(Some(IS_PATIENT)).await >= STOPS / 2);
}
