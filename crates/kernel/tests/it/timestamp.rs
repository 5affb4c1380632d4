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
