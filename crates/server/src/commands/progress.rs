use std::io::IsTerminal as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use stanchion_kernel::Clock;
use tokio::io::{AsyncRead, ReadBuf};

/// How often a line is printed where no bar can be drawn.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows on standard error how far a long command is: a bar on a terminal, a line now and then elsewhere.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    clock: Clock,
    printed: Duration,
}

impl Progress {
    /// For work of `bytes` in all, when that is known.
    pub(super) fn start(clock: &Clock, bytes: Option<u64>) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| bar(bytes));
        Self {
            bar,
            clock: clock.clone(),
            printed: clock.monotonic(),
        }
    }

    /// Shows that `bytes` are done; `count` says what that means.
    pub(super) fn show(&mut self, bytes: u64, count: impl FnOnce() -> String) {
        if let Some(bar) = &self.bar {
            bar.set_position(bytes);
            bar.set_message(count());
            return;
        }
        let now = self.clock.monotonic();
        if now.saturating_sub(self.printed) >= LINE_EVERY {
            self.printed = now;
            eprintln!("{}", count());
        }
    }

    /// Prints a line that stays, above the bar.
    pub(super) fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => eprintln!("{line}"),
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(bytes: Option<u64>) -> ProgressBar {
    match bytes {
        Some(bytes) => styled(
            ProgressBar::new(bytes),
            "{wide_bar} {percent:>3} % {eta} {msg}",
        ),
        None => styled(ProgressBar::new_spinner(), "{spinner} {elapsed} {msg}"),
    }
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    // A template that cannot be read leaves the standard style.
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// An input that counts what was read of it.
pub(super) struct Counted<R> {
    input: R,
    bytes: Arc<AtomicU64>,
}

impl<R> Counted<R> {
    pub(super) fn new(input: R) -> (Self, Arc<AtomicU64>) {
        let bytes = Arc::new(AtomicU64::new(0));
        (
            Self {
                input,
                bytes: Arc::clone(&bytes),
            },
            bytes,
        )
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Counted<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.input).poll_read(context, buffer);
        let read = buffer.filled().len() - before;
        self.bytes
            .fetch_add(u64::try_from(read).unwrap_or(u64::MAX), Ordering::Relaxed);
        polled
    }
}
