use std::fmt;
use std::str::FromStr;

/// How far a consumer has read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// Every row up to this number.
    Sqlite { seq: i64 },
    /// Every row of the transactions that `seen` shows as finished; of those that `reading` shows besides, the rows up to `seq`.
    Postgres {
        lineage: u64,
        seen: String,
        reading: Option<Reading>,
    },
}

/// A step from one snapshot to the next that takes more than one page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) snapshot: String,
    pub(crate) seq: i64,
}

/// The text is no position.
#[derive(Debug)]
pub(crate) struct ParsePositionError;

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { seq } => write!(f, "sqlite/{seq}"),
            Self::Postgres {
                lineage,
                seen,
                reading: None,
            } => write!(f, "pg/{lineage}/{seen}"),
            Self::Postgres {
                lineage,
                seen,
                reading: Some(Reading { snapshot, seq }),
            } => {
                write!(f, "pg/{lineage}/{seen}/{snapshot}/{seq}")
            }
        }
    }
}

impl FromStr for Position {
    type Err = ParsePositionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('/').collect();
        let number = |text: &str| text.parse().map_err(|_| ParsePositionError);
        let lineage = |text: &str| text.parse().map_err(|_| ParsePositionError);
        match parts.as_slice() {
            ["sqlite", seq] => Ok(Self::Sqlite { seq: number(seq)? }),
            ["pg", of, seen] => Ok(Self::Postgres {
                lineage: lineage(of)?,
                seen: (*seen).to_owned(),
                reading: None,
            }),
            ["pg", of, seen, snapshot, seq] => Ok(Self::Postgres {
                lineage: lineage(of)?,
                seen: (*seen).to_owned(),
                reading: Some(Reading {
                    snapshot: (*snapshot).to_owned(),
                    seq: number(seq)?,
                }),
            }),
            _ => Err(ParsePositionError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_survives_its_text() {
        let seen = "10:20:10,14".to_owned();
        let reading = Some(Reading {
            snapshot: "15:30:15".to_owned(),
            seq: 7,
        });
        for position in [
            Position::Sqlite { seq: 42 },
            Position::Postgres {
                lineage: 9,
                seen: seen.clone(),
                reading: None,
            },
            Position::Postgres {
                lineage: 9,
                seen,
                reading,
            },
        ] {
            assert_eq!(position.to_string().parse::<Position>().unwrap(), position);
        }
    }

    #[test]
    fn what_is_no_position_is_refused() {
        for text in [
            "",
            "sqlite/",
            "sqlite/x",
            "pg/1",
            "pg/x/1:1:",
            "pg/1/2/3/x",
            "other/1",
        ] {
            assert!(text.parse::<Position>().is_err(), "{text}");
        }
    }
}
