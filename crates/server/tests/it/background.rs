use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use stanchion::background::Background;
use stanchion_testkit::{Clock, eventually};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_task_that_panics_or_ends_is_started_again() {
    let stop = CancellationToken::new();
    let background = Background::new(Clock::system(), stop.clone());
    let starts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&starts);
    background.run("fragile", move || {
        let start = counted.fetch_add(1, Ordering::SeqCst);
        async move {
            match start {
                0 => panic!("the first start panics"),
                1 => {}
                _ => std::future::pending().await,
            }
        }
    });
    eventually("the third start", Duration::from_secs(20), || async {
        starts.load(Ordering::SeqCst) == 3
    })
    .await;
    stop.cancel();
    background.ended().await;
    assert_eq!(
        starts.load(Ordering::SeqCst),
        3,
        "nothing starts after the stop"
    );
}
