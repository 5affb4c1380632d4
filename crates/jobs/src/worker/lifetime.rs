//! The life of a worker: it begins, works, stops.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::claimer::Claimer;
use super::heart::Heart;
use super::settler::{self, Closing};
use super::shared::Shared;
use super::upkeep::Chores;
use super::{Runner, WorkerConfig};
use crate::beat::Beats;
use crate::ending::{Asked, End};
use crate::error::JobsError;
use crate::observe;

/// How often it is seen to that the thread that renews leases lives.
const CHECK: Duration = Duration::from_secs(1);

pub(super) async fn run(mut runner: Runner, stop: CancellationToken) -> Result<(), JobsError> {
    let beats = Arc::new(Beats::default());
    let config = runner.config.clone();
    let (broker, clock) = (runner.broker.clone(), runner.clock.clone());
    let heart = Heart::start(broker, Arc::clone(&beats), config.clone(), clock);
    let heart = heart.map_err(|error| JobsError::Thread(error.to_string()))?;
    let schedules = std::mem::take(&mut runner.schedules);
    // Whoever ends beyond this waits in his place until others are settled.
    let (ended, endings) = mpsc::channel(config.concurrency.max(1));
    let shared = Arc::new(Shared::new(runner, beats, ended));
    let closing = Closing::default();
    let _settler_ends_too = closing.give_up.clone().drop_guard();
    let settler = tokio::spawn(settler::run(Arc::clone(&shared), endings, closing.clone()));
    let mut claimer = Claimer::new(Arc::clone(&shared), stop.clone());
    let mut chores = Chores::new(Arc::clone(&shared), schedules);
    let lives = tokio::select! {
        () = until_stopped(&mut claimer, &stop, &config, &closing) => true,
        () = chores.run() => true,
        () = death(&heart) => false,
    };
    if !lives {
        return Err(JobsError::Thread("it panicked".to_owned()));
    }
    let late = let_go_late(&stop, &config, &closing);
    let ending = wind_up(&shared, claimer, settler, &closing);
    tokio::select! {
        () = ending => {}
        () = late => tracing::error!("jobs that cannot be ended are left to be rescued"),
    }
    heart.stop().await;
    Ok(())
}

/// Works until it is told to stop; then it ends what it has begun, within bounds.
async fn until_stopped(
    claimer: &mut Claimer,
    stop: &CancellationToken,
    config: &WorkerConfig,
    closing: &Closing,
) {
    tokio::select! {
        () = claimer.work() => {}
        () = let_go_late(stop, config, closing) => {}
    }
}

/// Comes some time after all should be over, and lets nobody wait any longer for the broker.
async fn let_go_late(stop: &CancellationToken, config: &WorkerConfig, closing: &Closing) {
    stop.cancelled().await;
    tokio::time::sleep(config.grace + config.cancel_grace + config.lease).await;
    closing.give_up.cancel();
}

/// Waits for what must not happen.
async fn death(heart: &Heart) {
    while !heart.has_died() {
        tokio::time::sleep(CHECK).await;
    }
}

/// Gives back what was not begun, lets what runs end, and waits until all of that is told.
async fn wind_up(
    shared: &Arc<Shared>,
    claimer: Claimer,
    settler: JoinHandle<()>,
    closing: &Closing,
) {
    let (waiting, mut running) = claimer.into_parts();
    for held in waiting {
        held.end(shared, End::GivenBack).await;
    }
    let grace = shared.config.grace;
    if tokio::time::timeout(grace, all(&mut running))
        .await
        .is_err()
    {
        observe::failed("grace");
        tracing::warn!(
            jobs = running.len(),
            "jobs are still running after the grace period"
        );
        shared.beats.end_all(Asked::Stopping);
        all(&mut running).await;
    }
    closing.last.cancel();
    if settler.await.is_err() {
        tracing::error!("the settler panicked");
    }
}

async fn all(running: &mut JoinSet<()>) {
    while running.join_next().await.is_some() {}
}
