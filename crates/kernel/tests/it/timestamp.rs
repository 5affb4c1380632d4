use std::time::Duration;

use proptest::prelude::*;
use stanchion_kernel::Timestamp;

proptest! {
    #[test]
    fn text_and_back_keeps_every_microsecond(micros in -62_000_000_000_000_000_i64..253_000_000_000_000_000) {
        let at = Timestamp::from_micros(micros);
        prop_assert_eq!(at.to_string().parse::<Timestamp>().unwrap(), at);
    }

    #[test]
    fn text_sorts_like_time(a in 0_i64..253_000_000_000_000_000, b in 0_i64..253_000_000_000_000_000) {
        let (a, b) = (Timestamp::from_micros(a), Timestamp::from_micros(b));
        prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
    }
}

#[test]
fn offsets_are_read_and_utc_is_written() {
    let at: Timestamp = "2024-02-29T12:00:00.5+02:00".parse().unwrap();
    assert_eq!(at.to_string(), "2024-02-29T10:00:00.500000Z");
    assert_eq!(
        serde_json::to_string(&at).unwrap(),
        "\"2024-02-29T10:00:00.500000Z\""
    );
}

#[test]
fn what_is_no_time_is_refused() {
    for text in [
        "",
        "2024-02-30T00:00:00Z",
        "2024-01-01",
        "yesterday",
        "2024-01-01T00:00:00",
    ] {
        assert!(text.parse::<Timestamp>().is_err(), "{text}");
    }
}

#[test]
fn moments_beyond_the_calendar_are_clamped_in_text() {
    assert!(
        Timestamp::from_micros(i64::MAX)
            .to_string()
            .starts_with("9999-12-31")
    );
}

#[test]
fn what_lies_between_moments_is_never_negative_and_never_too_large() {
    let (early, late) = (Timestamp::from_micros(3), Timestamp::from_micros(10));
    assert_eq!(late.since(early), Duration::from_micros(7));
    assert_eq!(early.since(late), Duration::ZERO);
    assert_eq!(late.saturating_sub(late.since(early)), early);
    assert_eq!(early.saturating_add(late.since(early)), late);
    let least = early
        .saturating_sub(Duration::MAX)
        .saturating_sub(Duration::MAX);
    assert_eq!(least, Timestamp::from_micros(i64::MIN));
    assert_eq!(early.since(least), Duration::from_micros(i64::MAX as u64));
}
