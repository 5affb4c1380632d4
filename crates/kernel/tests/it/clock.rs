use std::time::Duration;

use stanchion_kernel::{Clock, Timestamp};

#[test]
fn boot_time_goes_on_while_the_machine_is_suspended() {
    let (clock, hand) = Clock::manual(Timestamp::default());
    let (boot, monotonic) = (clock.boot(), clock.monotonic());
    hand.advance(Duration::from_secs(1));
    hand.suspend(Duration::from_secs(60));
    assert_eq!(clock.boot() - boot, Duration::from_secs(61));
    assert_eq!(clock.monotonic() - monotonic, Duration::from_secs(1));
    assert_eq!(clock.now(), Timestamp::from_micros(61_000_000));
}

#[test]
fn boot_time_of_the_machine_never_goes_back() {
    let clock = Clock::system();
    let mut before = clock.boot();
    for _ in 0..1000 {
        let now = clock.boot();
        assert!(now >= before);
        before = now;
    }
    assert!(before > Duration::ZERO);
}
