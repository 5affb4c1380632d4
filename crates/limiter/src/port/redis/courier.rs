//! Carries calls to the servers, many at a time: what arrives while a script runs is in the next one.

use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, Pipeline, Value};
use stanchion_kernel::Clock;
use tokio::sync::{Mutex, mpsc, oneshot};

use super::batch::{Call, Said, decode, encode};
use super::config::RedisConfig;
use super::line::{Answers, Line, Parcel};
use super::link::Script;
use crate::LimiterError;
use crate::observe;

/// `WAIT` gives up earlier than we do, by this part of the time.
const WAIT_PART: u32 = 2;

/// A call that is under way.
#[derive(Debug)]
pub(super) struct Errand {
    pub(super) call: Call,
    /// After this moment nobody waits for it.
    pub(super) until: Duration,
    pub(super) answer: oneshot::Sender<Result<Said, LimiterError>>,
}

/// What the couriers of a place share.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) queue: Mutex<mpsc::Receiver<Errand>>,
    pub(super) epoch_key: String,
    pub(super) config: RedisConfig,
    pub(super) clock: Clock,
}

pub(super) struct Courier {
    post: Arc<Post>,
    line: Line,
    script: Script,
}

impl Courier {
    pub(super) fn new(post: Arc<Post>, line: Line) -> Self {
        let script = Script::new();
        Self { post, line, script }
    }

    /// Carries calls until nobody can make any.
    pub(super) async fn run(mut self) {
        let mut errands = Vec::new();
        loop {
            let most = self.post.config.batch;
            let came = self
                .post
                .queue
                .lock()
                .await
                .recv_many(&mut errands, most)
                .await;
            if came == 0 {
                return;
            }
            let now = self.post.clock.monotonic();
            errands.retain(|errand| errand.until > now && !errand.answer.is_closed());
            self.carry(std::mem::take(&mut errands)).await;
        }
    }

    /// What must not be sent twice travels in a parcel of its own.
    async fn carry(&mut self, errands: Vec<Errand>) {
        let (repeatable, once): (Vec<_>, Vec<_>) = errands
            .into_iter()
            .partition(|errand| errand.call.is_repeatable());
        for (errands, is_repeatable) in [(repeatable, true), (once, false)] {
            if errands.is_empty() {
                continue;
            }
            let parcel = self.parcel(&errands, is_repeatable);
            let answers = self.line.carry(&parcel).await;
            deliver(errands, answers, self.post.config.acknowledged_by);
        }
    }

    fn parcel(&self, errands: &[Errand], is_repeatable: bool) -> Parcel {
        observe::batch(errands.len());
        let Post {
            config, epoch_key, ..
        } = &*self.post;
        let calls: Vec<&Call> = errands.iter().map(|errand| &errand.call).collect();
        let command = self.script.command();
        let command = encode(command, epoch_key, config.quarantine, &calls);
        let takes = calls.iter().any(|call| call.takes());
        Parcel {
            commands: acknowledged(command, config, takes),
            epoch_key: epoch_key.clone(),
            is_repeatable,
        }
    }
}

/// The script, and `WAIT` behind it on the same connection.
fn acknowledged(command: Cmd, config: &RedisConfig, takes: bool) -> Pipeline {
    let mut pipeline = Pipeline::with_capacity(2);
    pipeline.add_command(command);
    if config.acknowledged_by > 0 && takes {
        let within = config.reply_within / WAIT_PART;
        pipeline
            .cmd("WAIT")
            .arg(config.acknowledged_by)
            .arg(u64::try_from(within.as_millis()).unwrap_or(u64::MAX).max(1));
    }
    pipeline
}

fn deliver(errands: Vec<Errand>, answers: Answers, acknowledged_by: u32) {
    let said = answers.and_then(|answers| {
        let said = decode(answers.first().unwrap_or(&Value::Nil), errands.len())?;
        let is_acknowledged = match answers.get(1) {
            None => true,
            Some(Value::Int(by)) => *by >= i64::from(acknowledged_by),
            Some(_) => false,
        };
        Ok((said, is_acknowledged))
    });
    match said {
        Ok((said, is_acknowledged)) => {
            for (errand, said) in errands.into_iter().zip(said) {
                let may_be_lost = said.granted && errand.call.takes() && !is_acknowledged;
                let answer = if may_be_lost {
                    Err(unacknowledged())
                } else {
                    Ok(said)
                };
                drop(errand.answer.send(answer));
            }
        }
        Err(error) => {
            for errand in errands {
                drop(errand.answer.send(Err(error.clone())));
            }
        }
    }
}

fn unacknowledged() -> LimiterError {
    LimiterError::Unavailable("too few replicas acknowledged".to_owned())
}
