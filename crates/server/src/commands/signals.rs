//! What SIGINT and SIGTERM do.

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What a second signal does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Second {
    /// It ends the process at once.
    Ends,
    /// Nothing: who sends it may send one for two reasons.
    Nothing,
}

/// A token that the first SIGINT or SIGTERM gives.
pub(super) fn stop_on_signals(second: Second) -> anyhow::Result<CancellationToken> {
    let listen = |kind| signal(kind).context("cannot listen for signals");
    let (mut interrupt, mut terminate) = (
        listen(SignalKind::interrupt())?,
        listen(SignalKind::terminate())?,
    );
    let stop = CancellationToken::new();
    let given = stop.clone();
    tokio::spawn(async move {
        either(&mut interrupt, &mut terminate).await;
        given.cancel();
        if second == Second::Ends {
            either(&mut interrupt, &mut terminate).await;
            // What a shell expects of a program that an interrupt ended.
            std::process::exit(130);
        }
    });
    Ok(stop)
}

async fn either(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
