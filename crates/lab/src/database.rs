//! The databases that studies compare.

use std::path::Path;

use serde::Serialize;
use stanchion_testkit::Postgres;

/// A database under study.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Database {
    Postgresql,
    Sqlite,
}

/// An empty one.
pub(crate) struct Empty {
    pub(crate) url: String,
    /// It ends with this, when it is of PostgreSQL.
    pub(crate) database: Option<stanchion_testkit::Database>,
}

impl Database {
    pub(crate) const ALL: [Self; 2] = [Self::Postgresql, Self::Sqlite];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Postgresql => "PostgreSQL",
            Self::Sqlite => "SQLite",
        }
    }

    /// An empty one of its kind, of this server or in a folder of its own in `folder`.
    pub(crate) async fn empty(self, postgres: &Postgres, folder: &Path) -> anyhow::Result<Empty> {
        Ok(match self {
            Self::Postgresql => {
                let database = postgres.empty_database().await;
                Empty {
                    url: database.url().to_owned(),
                    database: Some(database),
                }
            }
            Self::Sqlite => {
                let folder = tempfile::tempdir_in(folder)?.keep();
                Empty {
                    url: format!("sqlite:{}", folder.join("study.db").display()),
                    database: None,
                }
            }
        })
    }
}
