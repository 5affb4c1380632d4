//! What PostgreSQL has to clean up.

use anyhow::Context as _;

use super::place::Place;

const ROWS: &str = include_str!("rows.sql");

/// Rows of the queue's tables.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rows {
    /// Which nobody can see any more, or only an old snapshot.
    pub dead: f64,
    /// Which were replaced or deleted since the start.
    pub left_behind: f64,
}

/// None where rows are not left behind.
pub(super) async fn rows(place: &Place) -> anyhow::Result<Option<Rows>> {
    let Some(line) = place.ask(ROWS).await else {
        return Ok(None);
    };
    parse(&line).context("no statistics").map(Some)
}

fn parse(line: &str) -> Option<Rows> {
    let (dead, left_behind) = line.trim().split_once('|')?;
    Some(Rows {
        dead: dead.parse().ok()?,
        left_behind: left_behind.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_counts_are_read() {
        let rows = Rows {
            dead: 12.0,
            left_behind: 345.0,
        };
        assert_eq!(parse("12|345\n"), Some(rows));
        assert_eq!(parse(""), None);
    }
}
