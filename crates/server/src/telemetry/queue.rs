use std::io::Write as _;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use metrics::{Counter, counter};

/// Lines on their way to standard error: bounded, so that a reader that has stopped cannot stop the server.
#[derive(Debug)]
pub(super) struct LogQueue(SyncSender<Entry>);

/// One end of the queue, for those who write lines.
#[derive(Clone)]
pub(super) struct LogSender {
    queue: SyncSender<Entry>,
    dropped: Counter,
}

enum Entry {
    Line(Vec<u8>),
    Flush(SyncSender<()>),
}

impl LogQueue {
    /// Starts the thread that writes, with room for `lines`.
    pub(super) fn start(lines: usize) -> Result<Self, std::io::Error> {
        let (sender, receiver) = sync_channel(lines);
        std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write_all(&receiver))?;
        Ok(Self(sender))
    }

    pub(super) fn sender(&self) -> LogSender {
        let dropped = counter!("stanchion_log_lines_dropped_total");
        LogSender {
            queue: self.0.clone(),
            dropped,
        }
    }

    /// Waits until all lines so far are written, or `within` is over.
    pub(super) fn flush(&self, within: Duration) {
        let (done, wait) = sync_channel(1);
        if self.0.try_send(Entry::Flush(done)).is_ok() {
            // A reader that has stopped is the only cause of an error, and nobody is left to tell.
            let _ = wait.recv_timeout(within);
        }
    }
}

impl LogSender {
    /// Queues a line, which ends in a line break; drops and counts it when the queue is full.
    pub(super) fn send(&self, line: Vec<u8>) {
        if let Err(TrySendError::Full(_)) = self.queue.try_send(Entry::Line(line)) {
            self.dropped.increment(1);
        }
    }
}

fn write_all(queue: &Receiver<Entry>) {
    while let Ok(entry) = queue.recv() {
        match entry {
            // A closed standard error must not end the server either.
            Entry::Line(line) => drop(std::io::stderr().write_all(&line)),
            Entry::Flush(done) => drop(done.try_send(())),
        }
    }
}
