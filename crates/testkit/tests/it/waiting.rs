use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use stanchion_testkit::{Clock, eventually, free_port, hold};

#[tokio::test]
async fn eventually_returns_as_soon_as_the_condition_holds() {
    let asked = AtomicU32::new(0);
    let deadline = Duration::from_secs(60);
    eventually("the third answer", deadline, || async {
        asked.fetch_add(1, Ordering::Relaxed) == 2
    })
    .await;
    assert_eq!(asked.into_inner(), 3);
}

#[tokio::test]
#[should_panic(expected = "what never comes")]
async fn eventually_panics_with_its_name_after_the_deadline() {
    eventually("what never comes", Duration::from_millis(20), || async {
        false
    })
    .await;
}

#[tokio::test]
async fn a_hold_lasts_as_long_as_it_says() {
    let clock = Clock::system();
    let start = clock.monotonic();
    hold(
        "the length of a hold is measured",
        Duration::from_millis(30),
    )
    .await;
    assert!(clock.monotonic() - start >= Duration::from_millis(30));
}

#[test]
fn free_ports_differ_and_can_be_bound() {
    let ports: Vec<u16> = (0..50).map(|_| free_port()).collect();
    let different: std::collections::HashSet<&u16> = ports.iter().collect();
    assert_eq!(different.len(), 50);
    std::net::TcpListener::bind(("127.0.0.1", ports[0])).unwrap();
}
