//! Counts of what waits and runs, which do not walk again and again over what an old snapshot keeps in the indexes.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use stanchion_kernel::Timestamp;
use stanchion_store::StoreError;
use time::OffsetDateTime;

use super::level;
use super::row::Columns;
use crate::model::Queue;
use crate::port::Figures;
use crate::port::figure::{Count, merge};
use crate::port::floor::{Lane, Walk};
use crate::port::sweeps::{Near, Whole};

pub(super) const FIGURES: &str = include_str!("figures.sql");
/// Lanes that are remembered; all are forgotten when there are more, and found again.
const LANES: usize = 4096;

/// What the last count saw: where the next one may begin.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The first moment at which something is ready, by lane.
    lanes: BTreeMap<Lane, Timestamp>,
    /// The first moment at which a lease ends of those that there were.
    leased: Timestamp,
    /// When it was.
    at: Timestamp,
    /// There was one.
    is_known: bool,
    near: Near,
    whole: Whole,
}

/// Where a count begins.
#[derive(Clone, Debug)]
pub(super) struct Begin {
    /// At the beginning.
    is_whole: bool,
    walk: Walk,
    lanes: BTreeMap<Lane, Timestamp>,
    leased: Timestamp,
}

/// What a count answers.
#[derive(Debug, Default)]
pub(super) struct Counted {
    counts: Vec<Count>,
    lanes: BTreeMap<Lane, Timestamp>,
    leased: Option<Timestamp>,
    at: Option<Timestamp>,
}

impl Counted {
    pub(super) fn figures(self, count_to: u32) -> Vec<Figures> {
        merge(self.counts, count_to)
    }

    /// Reads one row.
    fn take(&mut self, row: &PgRow) -> Result<(), StoreError> {
        let mut columns = Columns::of(row);
        let what: String = columns.next()?;
        let (queue, priority) = (columns.queue()?, columns.priority()?);
        let (jobs, age_us) = (columns.next()?, columns.next()?);
        let (first, at) = (columns.maybe_moment()?, columns.moment()?);
        self.at = Some(at);
        match what.as_str() {
            // Where nothing is ready, whatever becomes ready does so from now on.
            "ready" => {
                self.lanes
                    .insert((queue.clone(), priority), first.unwrap_or(at));
            }
            "running" => self.leased = [self.leased, first].into_iter().flatten().min(),
            _ => {}
        }
        let what = if what == "aside" {
            "ready".to_owned()
        } else {
            what
        };
        self.counts.push(Count {
            what,
            queue,
            priority,
            jobs,
            age_us,
        });
        Ok(())
    }
}

impl Seen {
    /// Where a count begins now. When one from the beginning took too long and nothing is known, it begins where the caller's
    /// own work does, and is a statement that takes too long when there is none.
    pub(super) fn begin(
        &self,
        now: Duration,
        lanes: BTreeMap<Lane, Timestamp>,
        leased: Timestamp,
    ) -> Result<Begin, StoreError> {
        let walk = self.near.walk(now);
        if self.whole.is_due(now) {
            return Ok(Begin {
                is_whole: true,
                walk,
                lanes: BTreeMap::new(),
                leased: Timestamp::default(),
            });
        }
        let (lanes, leased) = if self.is_known {
            (self.lanes.clone(), self.first_lease(walk))
        } else {
            (lanes, leased)
        };
        if lanes.is_empty() && !self.is_known {
            return Err(StoreError::StatementTimeout);
        }
        let lanes = lanes.into_iter();
        Ok(Begin {
            is_whole: false,
            walk,
            lanes: lanes.map(|(lane, seen)| (lane, walk.since(seen))).collect(),
            leased: walk.since(leased),
        })
    }

    /// No lease ends before it, but of what was slow to be claimed.
    pub(super) fn leased(&self) -> Timestamp {
        Walk::Near.since(self.first_lease(Walk::Near))
    }

    /// The next claim may be for a shorter time than those that there are: its lease ends after the last count, and that is all. What
    /// lies dead from there on is of as long as leases last, so where it takes long it is walked with what lies before.
    fn first_lease(&self, walk: Walk) -> Timestamp {
        if walk == Walk::On && self.near.is_dear() {
            self.leased
        } else {
            self.leased.min(self.at)
        }
    }

    /// How long it took, to the end or not.
    pub(super) fn walked(&mut self, begin: &Begin, began: Duration, ended: Duration) {
        if begin.is_whole {
            self.whole.walked(began, ended);
        } else {
            self.near.walked(begin.walk, began, ended);
        }
    }

    /// Remembers what was counted.
    pub(super) fn note(&mut self, counted: &Counted) {
        self.is_known = true;
        self.lanes.clone_from(&counted.lanes);
        if self.lanes.len() > LANES {
            self.lanes.clear();
        }
        if let Some(at) = counted.at {
            (self.leased, self.at) = (counted.leased.unwrap_or(at), at);
        }
    }
}

pub(super) async fn count(
    connection: &mut PgConnection,
    begin: &Begin,
    count_to: u32,
) -> Result<Counted, StoreError> {
    let lanes = begin.lanes.keys();
    let queues: Vec<&str> = lanes
        .clone()
        .map(|(queue, _)| Queue::as_str(queue))
        .collect();
    let levels: Vec<i16> = lanes.map(|(_, priority)| level(*priority)).collect();
    let floors = begin.lanes.values().map(|floor| floor.to_datetime());
    let floors: Vec<OffsetDateTime> = floors.collect();
    let query = sqlx::query(FIGURES)
        .bind(i64::from(count_to))
        .bind(queues)
        .bind(levels)
        .bind(floors)
        .bind(begin.leased.to_datetime());
    let mut counted = Counted::default();
    for row in &query.fetch_all(connection).await? {
        counted.take(row)?;
    }
    Ok(counted)
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection as _, PgConnection};
    use stanchion_testkit::Postgres;

    use super::*;
    use crate::model::Priority;
    use crate::port::plans::migrated;

    const ROWS: &str = include_str!("figures_rows.sql");
    const LATE: &str = "UPDATE stanchion_jobs.jobs SET leased_until = now() + interval '1 day' WHERE state = 'running'";

    fn lane(queue: &str, level: u8) -> Lane {
        (Queue::new(queue).unwrap(), Priority::new(level).unwrap())
    }

    fn second(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    /// Where a count begins of a server that claims nothing.
    fn begin(seen: &Seen, now: Duration) -> Result<Begin, StoreError> {
        seen.begin(now, BTreeMap::new(), Timestamp::default())
    }

    /// What there is, as queue and priority with what is ready, scheduled and running.
    fn told(counted: Counted) -> Vec<(String, u8, [u64; 3])> {
        let figures = counted.figures(100).into_iter();
        let told = figures.map(|one| {
            let counts = [one.backlog, one.scheduled, one.in_flight];
            (one.queue.to_string(), one.priority.level(), counts)
        });
        told.collect()
    }

    #[tokio::test]
    async fn lanes_that_are_known_are_counted_from_where_they_began_and_others_are_found() {
        let database = Postgres::shared().await.empty_database().await;
        migrated(database.url()).await;
        database.psql(ROWS).await;
        let mut connection = PgConnection::connect(database.url()).await.unwrap();
        let mut seen = Seen::default();
        let all = [
            ("a".to_owned(), 4, [2, 0, 0]),
            ("b".to_owned(), 0, [1, 0, 0]),
            ("b".to_owned(), 4, [3, 0, 2]),
            ("b".to_owned(), 9, [1, 0, 0]),
            ("c".to_owned(), 4, [0, 1, 0]),
        ];
        let begin = begin(&seen, Duration::ZERO).unwrap();
        let counted = count(&mut connection, &begin, 100).await.unwrap();
        seen.note(&counted);
        assert_eq!(told(counted), all);
        assert_eq!(seen.lanes[&lane("b", 4)], second(1));
        assert_eq!(seen.leased, second(5));
        assert!(
            seen.lanes[&lane("c", 4)] > second(100),
            "nothing was ready before now"
        );

        // What begins later counts less, and what nobody knew is found before, between and behind.
        let begin = Begin {
            is_whole: false,
            walk: Walk::On,
            lanes: BTreeMap::from([(lane("b", 4), second(2))]),
            leased: second(6),
        };
        let counted = count(&mut connection, &begin, 100).await.unwrap();
        seen.note(&counted);
        let mut less = all;
        less[2].2 = [2, 0, 1];
        assert_eq!(told(counted), less);
        assert_eq!(seen.lanes[&lane("b", 4)], second(2));
        assert_eq!(seen.lanes.len(), 5);

        // A lease that ends late does not hide one that is taken after it and ends before.
        database.psql(LATE).await;
        let counted = count(&mut connection, &begin, 100).await.unwrap();
        seen.note(&counted);
        assert_eq!(Some(seen.first_lease(Walk::Near)), counted.at);
    }

    #[test]
    fn a_count_begins_at_the_beginning_before_its_floors_or_at_them() {
        let mut seen = Seen::default();
        seen.lanes.insert(lane("a", 4), second(100));
        let at = Duration::from_secs(1);
        let whole = begin(&seen, at).unwrap();
        assert!(whole.is_whole && whole.lanes.is_empty());
        seen.walked(&whole, at, 2 * at);
        let early = begin(&seen, 3 * at);
        assert!(matches!(early, Err(StoreError::StatementTimeout)));
        let claims = BTreeMap::from([(lane("b", 4), second(50))]);
        let own = seen.begin(3 * at, claims, second(60)).unwrap();
        let expected = BTreeMap::from([(lane("b", 4), second(40))]);
        assert_eq!((own.lanes, own.leased), (expected, second(50)));
        seen.is_known = true;
        (seen.leased, seen.at) = (second(130), second(100));
        let begins = |seen: &Seen, now| {
            let begin = begin(seen, now).unwrap();
            (begin.walk, begin.lanes[&lane("a", 4)], begin.leased)
        };
        let early = (Walk::Near, second(90), second(90));
        assert_eq!(begins(&seen, 3 * at), early);
        let near = begin(&seen, 3 * at).unwrap();
        let little = Duration::from_millis(10);
        seen.walked(&near, 3 * at, 3 * at + little);
        let on = (Walk::On, second(100), second(100));
        assert_eq!(begins(&seen, 3 * at + 2 * little), on);
        // What lies dead of as long as leases last is not walked again and again.
        seen.walked(&near, 4 * at, 5 * at);
        let on = (Walk::On, second(100), second(130));
        assert_eq!(begins(&seen, 6 * at), on);
    }
}
