//! The life of one worker process, as its fleet sees it.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Child;
use tokio_util::sync::CancellationToken;

/// How long a killed process may take to be gone.
const KILLED_WITHIN: Duration = Duration::from_secs(10);

/// How a worker process ended.
#[derive(Debug)]
pub(super) enum End {
    /// Nobody had told it to stop.
    Died(io::Result<ExitStatus>),
    /// It was told to, and did.
    Drained(io::Result<ExitStatus>),
    /// It was told to, did not, and was killed.
    Killed,
}

/// Lives until the process has ended. After `drain` it is told to stop, and killed if it has not after `patience`.
pub(super) async fn live(mut child: Child, drain: CancellationToken, patience: Duration) -> End {
    tokio::select! {
        ended = child.wait() => return End::Died(ended),
        () = drain.cancelled() => {}
    }
    // It was not waited for, and so the number is still its own, dead or alive.
    let pid = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(pid) = pid.and_then(Pid::from_raw) {
        let _ended_already = kill_process(pid, Signal::TERM);
    }
    if let Ok(ended) = tokio::time::timeout(patience, child.wait()).await {
        return End::Drained(ended);
    }
    if tokio::time::timeout(KILLED_WITHIN, child.kill())
        .await
        .is_err()
    {
        tracing::error!(pid = child.id(), "a worker that was killed is not gone");
    }
    End::Killed
}
