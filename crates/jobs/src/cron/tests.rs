use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn ticks(expression: &str, after: &str, count: usize) -> Vec<String> {
    let cron = Cron::parse(expression).unwrap();
    let first = cron.next_after(at(after));
    let ticks = std::iter::successors(first, |tick| cron.next_after(*tick));
    let whole = |tick: Timestamp| tick.to_string().replace(":00.000000Z", "");
    ticks.take(count).map(whole).collect()
}

#[test]
fn ticks_are_what_cron_says() {
    for (expression, after, expected) in [
        (
            "*/15 * * * *",
            "2026-01-01T00:07:31.5Z",
            "2026-01-01T00:15 2026-01-01T00:30",
        ),
        (
            "0 0 * * *",
            "2026-01-01T00:00:00Z",
            "2026-01-02T00:00 2026-01-03T00:00",
        ),
        (
            "0 0 29 2 *",
            "2026-01-01T00:00:00Z",
            "2028-02-29T00:00 2032-02-29T00:00",
        ),
        (
            "30 6 * * MON-FRI",
            "2026-01-02T07:00:00Z",
            "2026-01-05T06:30 2026-01-06T06:30",
        ),
        // A day of the month or one of the week.
        (
            "0 12 13 * FRI",
            "2026-02-01T00:00:00Z",
            "2026-02-06T12:00 2026-02-13T12:00",
        ),
        (
            "0 0 * * 7",
            "2026-01-01T00:00:00Z",
            "2026-01-04T00:00 2026-01-11T00:00",
        ),
        (
            "59 23 L * *",
            "2026-02-01T00:00:00Z",
            "2026-02-28T23:59 2026-03-31T23:59",
        ),
        (
            "@hourly",
            "2026-12-31T23:30:00Z",
            "2027-01-01T00:00 2027-01-01T01:00",
        ),
        (
            "5,10-12 1 1 JAN *",
            "2026-06-01T00:00:00Z",
            "2027-01-01T01:05 2027-01-01T01:10",
        ),
    ] {
        assert_eq!(
            ticks(expression, after, 2).join(" "),
            expected,
            "{expression}"
        );
    }
}

#[test]
fn what_is_no_expression_of_five_fields_is_refused() {
    let long = format!("{} * * * *", "1,".repeat(100));
    for text in [
        "",
        " ",
        "* * * *",
        "* * * * * *",
        "0 * * * * * 2027",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "a * * * *",
        "*/0 * * * *",
        "5-1 * * * *",
        "* * 30 2 *",
        "@never",
        "é * * * *",
        &long,
    ] {
        assert!(matches!(Cron::parse(text), Err(Invalid::Cron(_))), "{text}");
    }
}

#[test]
fn the_last_tick_that_was_missed_is_due_and_no_tick_twice() {
    let cron = Cron::parse("0 * * * *").unwrap();
    let fired = at("2026-01-01T10:00:00Z");
    assert_eq!(cron.due(fired, at("2026-01-01T10:59:59.999999Z")), None);
    let eleven = at("2026-01-01T11:00:00Z");
    assert_eq!(cron.due(fired, eleven), Some(eleven));
    assert_eq!(
        cron.due(fired, at("2026-01-01T14:20:00Z")),
        Some(at("2026-01-01T14:00:00Z"))
    );
    assert_eq!(cron.due(eleven, eleven), None);
    assert_eq!(cron.due(eleven, fired), None, "a clock that went back");
}

proptest! {
    #[test]
    fn every_tick_is_due_from_its_moment_until_the_next(
        minute in 0..60_u8, hour in 0..24_u8, step in 1..30_u8, seconds in 0..4_000_000_000_i64, micros in 0..1_000_000_i64,
    ) {
        for text in [format!("{minute} {hour} * * *"), format!("{minute} */{step} * * 1,3"), format!("*/{step} * */2 * *")] {
            let cron = Cron::parse(&text).unwrap();
            let moment = Timestamp::from_micros(seconds * 1_000_000 + micros);
            let tick = cron.next_after(moment).unwrap();
            prop_assert!(tick > moment);
            let before = Timestamp::from_micros(tick.as_micros() - 1);
            prop_assert_eq!(cron.due(moment, before), None);
            prop_assert_eq!(cron.due(moment, tick), Some(tick));
            prop_assert_eq!(cron.due(tick, Timestamp::from_micros(cron.next_after(tick).unwrap().as_micros() - 1)), None);
        }
    }

    #[test]
    fn no_text_breaks_the_parser(text in "[0-9*/,#LW?+@A-Za-z -]{0,40}|.{0,40}", seconds in 0..4_000_000_000_i64) {
        if let Ok(cron) = Cron::parse(&text) {
            let _tick = cron.next_after(Timestamp::from_micros(seconds * 1_000_000));
            let _due = cron.due(Timestamp::default(), Timestamp::from_micros(seconds * 1_000_000));
        }
    }
}
