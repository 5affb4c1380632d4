//! How much memory a program took, and those who worked for it.

use std::cell::Cell;
use std::fs;
use std::time::Duration;

use stanchion_kernel::Clock;
use stanchion_testkit::{Program, eventually};

/// Longer than the audit of the largest ledger takes.
const DEADLINE: Duration = Duration::from_mins(60);

/// Watches programs, and fails the test when one takes more than it may.
pub(super) struct Meter {
    what: String,
    peak_bytes: u64,
    /// The postmaster, and what one of its processes may take for itself.
    postgres: Option<(u32, u64)>,
}

impl Meter {
    pub(super) fn new(database: &str, movements: u64, peak_bytes: u64) -> Self {
        Self {
            what: format!("{movements} movements on {database}"),
            peak_bytes,
            postgres: None,
        }
    }

    pub(super) fn with_postgres(self, postmaster: u32, peak_bytes: u64) -> Self {
        Self {
            postgres: Some((postmaster, peak_bytes)),
            ..self
        }
    }

    /// Runs a program to its end: whether it succeeded, and what it printed.
    pub(super) async fn run(&self, program: Program) -> (bool, String) {
        let clock = Clock::system();
        let (started, peak, behind) = (clock.monotonic(), Cell::new(0), Cell::new(0));
        let running = program.start();
        let pid = running.pid();
        let watched = eventually("the audit ends", DEADLINE, || async {
            if let Some((postmaster, _)) = self.postgres {
                behind.set(behind.get().max(private_bytes(postmaster)));
            }
            let now = status_bytes(pid, "VmHWM:");
            peak.set(peak.get().max(now.unwrap_or_default()));
            now.is_none()
        });
        let (status, ()) = tokio::join!(running.wait(DEADLINE), watched);
        let took = clock.monotonic().saturating_sub(started);
        let mib = |bytes: u64| bytes >> 20;
        let (peak, behind) = (peak.get(), behind.get());
        eprintln!(
            "{}: peak {} MiB, {} MiB in PostgreSQL, {took:.1?}",
            self.what,
            mib(peak),
            mib(behind)
        );
        assert!(peak < self.peak_bytes, "{peak} bytes");
        if let Some((_, bound)) = self.postgres {
            assert!(behind < bound, "{behind} bytes in PostgreSQL");
        }
        (status.success(), running.stdout())
    }
}

/// What the largest process of a server has for itself now.
fn private_bytes(postmaster: u32) -> u64 {
    let children = fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children"));
    let children = children.unwrap_or_default();
    let children = children.split_whitespace().filter_map(|id| id.parse().ok());
    let private = children.filter_map(|id| status_bytes(id, "RssAnon:"));
    private.max().unwrap_or_default()
}

/// A size that the system tells of a process; none once it has ended.
fn status_bytes(pid: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib << 10)
}
