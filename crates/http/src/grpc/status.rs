//! How a limit and a decision look in Envoy's messages. Pure.

use std::time::Duration;

use stanchion_limiter::{Decision, Limit, Rate};

use super::messages::{Code, CurrentLimit, DescriptorStatus, Unit};

const DAY_S: u64 = 24 * 60 * 60;

/// The units of time with their seconds, the shortest first.
const UNITS: [(Unit, u64); 7] = [
    (Unit::Second, 1),
    (Unit::Minute, 60),
    (Unit::Hour, 60 * 60),
    (Unit::Day, DAY_S),
    (Unit::Week, 7 * DAY_S),
    (Unit::Month, 30 * DAY_S),
    (Unit::Year, 365 * DAY_S),
];

/// The status of a descriptor under a limit.
pub(super) fn limited(limit: &Limit, decision: &Decision, code: Code) -> DescriptorStatus {
    let (requests_per_unit, unit) = per_unit(limit.rate());
    DescriptorStatus {
        code: code.into(),
        current_limit: Some(CurrentLimit {
            requests_per_unit,
            unit: unit.into(),
            name: limit.name().to_string(),
        }),
        limit_remaining: u32::try_from(decision.remaining).unwrap_or(u32::MAX),
        duration_until_reset: Some(wire(decision.reset_after)),
    }
}

/// The status of a descriptor that no rule is for.
pub(super) fn unlimited() -> DescriptorStatus {
    DescriptorStatus {
        code: Code::Ok.into(),
        ..DescriptorStatus::default()
    }
}

/// A rate in the unit that is its period, or else in the shortest unit in which it is a whole number. One that is whole in
/// none is rounded down, in years.
fn per_unit(rate: Rate) -> (u32, Unit) {
    let period_us = rate.period().as_micros().max(1);
    let tokens = |seconds: u64| {
        let units = u128::from(rate.tokens()).saturating_mul(u128::from(seconds) * 1_000_000);
        let whole = units.is_multiple_of(period_us);
        (u32::try_from(units / period_us).unwrap_or(u32::MAX), whole)
    };
    let is_period = |(_, seconds): &&(Unit, u64)| rate.period() == Duration::from_secs(*seconds);
    let is_whole = |(_, seconds): &&(Unit, u64)| tokens(*seconds).1;
    let fitting = UNITS.iter().find(is_period);
    let fitting = fitting.or_else(|| UNITS.iter().find(is_whole));
    let (unit, seconds) = *fitting.unwrap_or(&UNITS[UNITS.len() - 1]);
    (tokens(seconds).0, unit)
}

fn wire(duration: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(duration.subsec_nanos()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_told_in_the_unit_that_keeps_it_exact() {
        let told =
            |tokens, period_ms| per_unit(Rate::new(tokens, Duration::from_millis(period_ms)));
        assert_eq!(told(60, 60_000), (60, Unit::Minute));
        assert_eq!(told(5, 100), (50, Unit::Second));
        assert_eq!(told(1, 2_000), (30, Unit::Minute));
        assert_eq!(told(1, 7 * 86_400_000), (1, Unit::Week));
        assert_eq!(told(1, 7_000), (86_400, Unit::Week));
        assert_eq!(told(1, 11_000), (2_866_909, Unit::Year));
        assert_eq!(told(u64::MAX, 1_000), (u32::MAX, Unit::Second));
    }
}
