use std::time::Duration;

use stanchion_kernel::Clock;

/// Lets a fault last: the one place where a test may wait for time to pass and not for a condition.
///
/// It prints the name and the duration, so that a slow test run says what it waited for.
pub async fn hold(name: &str, how_long: Duration) {
    eprintln!("hold: {name}, {how_long:?}");
    tokio::time::sleep(how_long).await;
}

/// Waits until `condition` answers true, asking again every few milliseconds.
///
/// The deadline is real time, also under tokio's paused clock.
///
/// # Panics
/// When the deadline has passed, with the name and the time waited.
pub async fn eventually<F, Fut>(name: &str, deadline: Duration, mut condition: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    let clock = Clock::system();
    let start = clock.monotonic();
    let mut pause = Duration::from_millis(1);
    loop {
        if condition().await {
            return;
        }
        let waited = clock.monotonic().saturating_sub(start);
        assert!(waited < deadline, "not so after {waited:?}: {name}");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}
