use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, limits::Limit};
use stanchion_kernel::Clock;

use crate::{StoreConfig, StoreError};

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Reader,
    Writer,
}

/// Pages of the file kept per connection, in KiB; readers share the system's page cache anyway.
const READER_CACHE_KIB: i32 = 4 * 1024;
const WRITER_CACHE_KIB: i32 = 64 * 1024;
/// The log is written back to the file when it has this many pages of 4 KiB: a page that is written often between is
/// written back once.
const CHECKPOINT_PAGES: i64 = 8_192;
/// How often a waiting writer asks for the lock again. Short, so that it slips between two batches of an import.
const LOCK_POLL: Duration = Duration::from_millis(1);
/// Virtual machine steps between two looks at the clock: some 100 µs.
const STEPS_PER_CHECK: i32 = 20_000;
/// Statements kept prepared per connection.
const STATEMENT_CACHE: usize = 128;

/// Opens a connection with the settings that durability and the bounds ask for.
pub(super) fn open(
    path: &Path,
    config: &StoreConfig,
    role: Role,
) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_handler(Some(poll_again))?;
    // WAL lets readers go on beside the writer; FULL makes an acknowledged commit survive power loss.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    let cache = if role == Role::Writer {
        WRITER_CACHE_KIB
    } else {
        READER_CACHE_KIB
    };
    connection.pragma_update(None, "cache_size", -cache)?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", CHECKPOINT_PAGES, |_| Ok(()))?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    // A crafted statement cannot arrive (all are ours); these bound what a crafted value can cost.
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, 64 * 1024 * 1024)?;
    connection.set_limit(Limit::SQLITE_LIMIT_EXPR_DEPTH, 256)?;
    if role == Role::Writer {
        bound_size(&connection, config.max_bytes)?;
    } else {
        connection.pragma_update(None, "query_only", true)?;
    }
    Ok(connection)
}

fn bound_size(connection: &Connection, max_bytes: u64) -> Result<(), StoreError> {
    if max_bytes == 0 {
        return Ok(());
    }
    let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let most = i64::try_from(max_bytes).unwrap_or(i64::MAX);
    let pages = (most / page.max(1)).max(1);
    connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
    Ok(())
}

thread_local! {
    /// How often a connection on this thread asks for a lock before it gives up; the handler can carry no state.
    static LOCK_POLLS: Cell<i32> = const { Cell::new(5_000) };
}

/// Sets how long connections on this thread wait for another process's lock.
pub(super) fn wait_for_locks_up_to(deadline: Duration) {
    let polls = deadline.as_millis() / LOCK_POLL.as_millis();
    LOCK_POLLS.set(i32::try_from(polls).unwrap_or(i32::MAX));
}

/// SQLite's own handler backs off to 100 ms, at which a busy importer wins the lock nearly always.
#[expect(
    clippy::disallowed_methods,
    reason = "SQLite calls this on its own thread, to wait"
)]
fn poll_again(polls: i32) -> bool {
    std::thread::sleep(LOCK_POLL);
    polls < LOCK_POLLS.get()
}

thread_local! {
    /// Whether a connection that must not wait met a lock on this thread.
    static LOCKED: Cell<bool> = const { Cell::new(false) };
}

/// Lets a connection fail at another process's lock instead of waiting; [`was_locked`] tells.
pub(super) fn fail_when_locked(connection: &Connection) -> Result<(), StoreError> {
    Ok(connection.busy_handler(Some(|_| {
        LOCKED.set(true);
        false
    }))?)
}

/// Whether a lock was met on this thread since the last call.
pub(super) fn was_locked() -> bool {
    LOCKED.take()
}

/// The moment at which the statement that a connection runs is interrupted, on the clock's monotonic time.
#[derive(Clone, Debug, Default)]
pub(super) struct Deadline(Arc<AtomicU64>);

impl Deadline {
    pub(super) fn set(&self, at: Duration) {
        self.0.store(
            u64::try_from(at.as_micros()).unwrap_or(u64::MAX),
            Ordering::Relaxed,
        );
    }

    fn passed(&self, now: Duration) -> bool {
        now.as_micros() > u128::from(self.0.load(Ordering::Relaxed))
    }
}

/// Interrupts what runs on `connection` once `deadline` has passed.
pub(super) fn bound_time(
    connection: &Connection,
    clock: Clock,
    deadline: Deadline,
) -> Result<(), StoreError> {
    connection.progress_handler(
        STEPS_PER_CHECK,
        Some(move || deadline.passed(clock.monotonic())),
    )?;
    Ok(())
}
