//! When a schedule fires: five fields of cron, in UTC. Pure.

use croner::errors::CronError;
use croner::parser::{CronParser, Seconds, Year};
use croner::{CivilDateTime, CronDateTime, Resolution, Weekday};
use stanchion_kernel::Timestamp;
use time::{Date, Month, OffsetDateTime, Time};

use crate::error::Invalid;

/// The most characters of an expression.
pub const MAX_CRON: usize = 128;

/// A cron expression: minute, hour, day of the month, month and day of the week, in UTC. Names (`MON`, `JAN`), steps,
/// ranges and lists mean what they mean to cron, and a day has to match one of day of the month and day of the week when
/// both are given. `L`, `W`, `#` and `@daily` with its like are understood as well.
#[derive(Clone, Debug)]
pub struct Cron {
    text: String,
    cron: croner::Cron,
}

impl Cron {
    /// Reads an expression.
    ///
    /// # Errors
    /// [`Invalid::Cron`] for what is no expression of five fields, is longer than [`MAX_CRON`], or names no moment at all,
    /// as the thirtieth of February does.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.len() > MAX_CRON {
            let bound = format!("it has more than {MAX_CRON} characters");
            return Err(Invalid::Cron(bound));
        }
        let parser = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build();
        let cron = parser.parse(text);
        let cron = cron.map_err(|error| Invalid::Cron(error.to_string()))?;
        let cron = Self {
            text: text.to_owned(),
            cron,
        };
        match cron.next_after(Timestamp::default()) {
            Some(_) => Ok(cron),
            None => Err(Invalid::Cron("it names no moment".to_owned())),
        }
    }

    /// The expression.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The first tick after a moment; none when the calendar ends before.
    #[must_use]
    pub fn next_after(&self, moment: Timestamp) -> Option<Timestamp> {
        let next = self.cron.find_next_occurrence(&Utc::floor(moment), false);
        next.ok().map(Utc::timestamp)
    }

    /// The tick that is due at `now`, when all up to `fired` have been: the last one since. Those that were missed before
    /// it, while no server ran, are left out. A tick is the same moment on every server, and so tells the firing apart.
    #[must_use]
    pub fn due(&self, fired: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let last = self.cron.find_previous_occurrence(&Utc::floor(now), true);
        let last = last.ok().map(Utc::timestamp)?;
        (last > fired).then_some(last)
    }
}

/// A whole second of UTC.
#[derive(Clone, Copy)]
struct Utc(OffsetDateTime);

impl Utc {
    fn floor(moment: Timestamp) -> Self {
        let at = moment.to_datetime();
        Self(at - time::Duration::nanoseconds(at.nanosecond().into()))
    }

    fn timestamp(self) -> Timestamp {
        Timestamp::from_datetime(self.0)
    }
}

fn of_civil(civil: CivilDateTime) -> Option<OffsetDateTime> {
    let small = |number: u32| u8::try_from(number).ok();
    let month = Month::try_from(small(civil.month())?).ok()?;
    let date = Date::from_calendar_date(civil.year(), month, small(civil.day())?).ok()?;
    let (hour, minute) = (small(civil.hour())?, small(civil.minute())?);
    let time = Time::from_hms(hour, minute, small(civil.second())?).ok()?;
    Some(date.with_time(time).assume_utc())
}

impl CronDateTime for Utc {
    fn to_civil(&self) -> CivilDateTime {
        let (date, time) = (self.0.date(), self.0.time());
        let (hour, minute, second) = time.as_hms();
        CivilDateTime::new(
            croner::CivilDate::from_parts_unchecked(
                date.year(),
                u8::from(date.month()).into(),
                date.day().into(),
            ),
            croner::CivilTime::from_parts_unchecked(hour.into(), minute.into(), second.into()),
        )
    }

    fn civil_weekday(&self) -> Weekday {
        Weekday::from_days_from_sunday(self.0.weekday().number_days_from_sunday().into())
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
        let at = of_civil(civil).ok_or(CronError::InvalidDate)?;
        Ok(Resolution::Single(Self(at)))
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        self.0
            .checked_add(time::Duration::seconds(seconds))
            .map(Self)
    }

    fn cmp_instant(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

#[cfg(test)]
mod tests;
