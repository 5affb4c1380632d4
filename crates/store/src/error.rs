use std::time::Duration;

use sqlx::postgres::{PgDatabaseError, PgSeverity};

/// What can go wrong between this process and its database.
///
/// Except for [`StoreError::CommitUnknown`], an error means that nothing of the transaction was stored.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database URL or a bound cannot be used.
    #[error("database configuration: {0}")]
    Config(String),
    /// A lock, a connection or a place in a queue did not come free in time. Trying again later may work.
    #[error("the database is busy: {0}")]
    Busy(&'static str),
    /// The database cannot be reached, or closed the connection before the commit. Trying again later may work.
    #[error("the database cannot be reached: {0}")]
    Unavailable(String),
    /// The disk, or the bound on the file's size, is full.
    #[error("the database has no space left: {0}")]
    Full(String),
    /// The statement ran for longer than `statement_timeout`.
    #[error("the statement took longer than the database allows")]
    StatementTimeout,
    /// The transaction lost against a concurrent one (40001, 40P01) and may be run again as a whole.
    #[error("the transaction must be run again: {0}")]
    Conflict(String),
    /// A row with the same key is there already; for effects whose ids and keys say whether they happened before.
    #[error("there is a row with the same key: {0}")]
    Duplicate(String),
    /// The connection was lost while a commit was under way, or the disk failed; it may have happened or not. Nobody
    /// knows until somebody has looked for its effect under the same locks.
    #[error("the connection was lost during a commit, whose outcome is unknown: {0}")]
    CommitUnknown(String),
    /// The schema is older than this program needs.
    #[error(
        "the schema of `{component}` is at version {found}, this program needs {needed}: run `stanchion migrate`"
    )]
    SchemaTooOld {
        /// Whose tables.
        component: &'static str,
        /// The version in the database; 0 when there is none.
        found: i64,
        /// The version that this program needs.
        needed: i64,
    },
    /// An applied migration differs from the one in this program.
    #[error("migration {version} of `{component}` in the database is not the one in this program")]
    MigrationChanged {
        /// Whose tables.
        component: &'static str,
        /// The migration that differs.
        version: i64,
    },
    /// The database holds something that this program cannot read.
    #[error("unexpected data in the database: {0}")]
    Corrupt(String),
    /// Any other refusal by the database.
    #[error("the database refused: {0}")]
    Database(String),
}

impl StoreError {
    /// Whether the same call may succeed later without a change, and after how long to try.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy(_) | Self::Unavailable(_) | Self::Conflict(_) | Self::CommitUnknown(_) => {
                Some(Duration::from_secs(1))
            }
            _ => None,
        }
    }

    /// Whether it says of the database that it cannot now, and nothing of what was asked: beside what [`StoreError::retry_after`]
    /// knows, a full disk, and a statement that took too long.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.retry_after().is_some() || matches!(self, Self::Full(_) | Self::StatementTimeout)
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::from_sqlite(&error)
    }
}

impl StoreError {
    /// As `From`, for an error that is told to several callers.
    pub(crate) fn from_sqlite(error: &rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Self::Busy("another process holds the SQLite write lock")
            }
            Some(ErrorCode::DiskFull) => Self::Full(error.to_string()),
            Some(ErrorCode::OperationInterrupted) => Self::StatementTimeout,
            Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure) => {
                Self::Unavailable(error.to_string())
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Corrupt(error.to_string())
            }
            Some(ErrorCode::ConstraintViolation) if is_duplicate(error) => {
                Self::Duplicate(error.to_string())
            }
            _ => Self::Database(error.to_string()),
        }
    }
}

impl StoreError {
    /// As `From`, for a commit: the log may hold what could not be written to its end.
    pub(crate) fn of_sqlite_commit(error: &rusqlite::Error) -> Self {
        Self::from_sqlite(error).of_lost_commit()
    }

    /// As `From`, for what a commit answers, or a statement that is its own transaction: who loses the connection
    /// meanwhile, by whatever failure of the server, does not know what became of it.
    #[must_use]
    pub fn of_commit(error: sqlx::Error) -> Self {
        let server_ended = match &error {
            sqlx::Error::Database(inner) => inner
                .try_downcast_ref::<PgDatabaseError>()
                .is_some_and(|pg| matches!(pg.severity(), PgSeverity::Panic | PgSeverity::Fatal)),
            _ => false,
        };
        match Self::from(error).of_lost_commit() {
            known if !server_ended => known,
            Self::CommitUnknown(why) => Self::CommitUnknown(why),
            failure => Self::CommitUnknown(failure.to_string()),
        }
    }

    fn of_lost_commit(self) -> Self {
        match self {
            Self::Unavailable(why) => Self::CommitUnknown(why),
            other => other,
        }
    }
}

fn is_duplicate(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE};
    let extended = error.sqlite_error().map(|inner| inner.extended_code);
    matches!(
        extended,
        Some(SQLITE_CONSTRAINT_PRIMARYKEY | SQLITE_CONSTRAINT_UNIQUE)
    )
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolTimedOut => Self::Busy("no database connection came free"),
            sqlx::Error::Database(inner) => match inner.try_downcast_ref::<PgDatabaseError>() {
                Some(pg) => Self::from_postgres(pg),
                None => Self::Database(error.to_string()),
            },
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error.to_string()),
            sqlx::Error::Configuration(_) => Self::Config(error.to_string()),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
                Self::Corrupt(error.to_string())
            }
            _ => Self::Database(error.to_string()),
        }
    }
}

impl StoreError {
    /// PostgreSQL's error codes (its manual, appendix A), by what the caller can do about them.
    fn from_postgres(error: &PgDatabaseError) -> Self {
        let (code, message) = (error.code(), error.message());
        match code {
            "40001" | "40P01" => Self::Conflict(message.to_owned()),
            "23505" => Self::Duplicate(message.to_owned()),
            "55P03" => Self::Busy("a row lock did not come free"),
            "57014" => Self::StatementTimeout,
            "53100" => Self::Full(message.to_owned()),
            // A quota, or a bound on the size of files, has no code of its own.
            "XX000" if error.routine() == Some("mdextend") => Self::Full(message.to_owned()),
            "53300" => Self::Busy("the database server has no connection left"),
            // Administrator shutdown, crash shutdown, starting up, idle-in-transaction timeout, read-only (a demoted primary).
            "57P01" | "57P02" | "57P03" | "25P03" | "25006" => {
                Self::Unavailable(message.to_owned())
            }
            // Connections, and errors of the system below the server.
            _ if code.starts_with("08") || code.starts_with("58") => {
                Self::Unavailable(message.to_owned())
            }
            _ => Self::Database(format!("{message} ({code})")),
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    fn failure(code: i32) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
    }

    #[test]
    fn a_disk_that_fails_during_a_commit_leaves_it_unknown_and_before_it_nothing() {
        for code in [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_WRITE] {
            let before = StoreError::from_sqlite(&failure(code));
            assert!(matches!(before, StoreError::Unavailable(_)), "{before}");
            let during = StoreError::of_sqlite_commit(&failure(code));
            assert!(matches!(during, StoreError::CommitUnknown(_)), "{during}");
        }
        let full = StoreError::of_sqlite_commit(&failure(ffi::SQLITE_FULL));
        assert!(matches!(full, StoreError::Full(_)), "{full}");
        assert!(full.passes() && full.retry_after().is_none());
        assert!(!StoreError::Database("no such table".to_owned()).passes());
    }

    #[test]
    fn a_connection_that_is_lost_during_a_commit_leaves_it_unknown_and_before_it_nothing() {
        let lost = || sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into());
        let before = StoreError::from(lost());
        assert!(matches!(before, StoreError::Unavailable(_)), "{before}");
        let during = StoreError::of_commit(lost());
        assert!(matches!(during, StoreError::CommitUnknown(_)), "{during}");
        let never_begun = StoreError::of_commit(sqlx::Error::PoolTimedOut);
        assert!(matches!(never_begun, StoreError::Busy(_)), "{never_begun}");
    }
}
