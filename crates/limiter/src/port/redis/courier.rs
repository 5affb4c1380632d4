//! Carries calls to the server, many at a time: what arrives while a script runs is in the next one.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, RedisError, RedisResult, Value};
use stanchion_kernel::Clock;
use tokio::sync::{Mutex, mpsc, oneshot};

use super::batch::{Call, Said, decode, encode};
use super::config::RedisConfig;
use super::link::{Connector, Script, failure, is_elsewhere, is_unknown};
use crate::LimiterError;
use crate::observe;

/// The first and the longest pause after a connection could not be made.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
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

impl Errand {
    fn fail(self, error: LimiterError) {
        drop(self.answer.send(Err(error)));
    }
}

/// What all couriers of a backend share.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) queue: Mutex<mpsc::Receiver<Errand>>,
    pub(super) config: RedisConfig,
    pub(super) epoch_key: String,
    pub(super) clock: Clock,
}

/// One connection and what it carries.
pub(super) struct Courier {
    post: Arc<Post>,
    connector: Connector,
    script: Script,
    connection: Option<MultiplexedConnection>,
    /// Nobody connects before this moment, and what is asked until then hears why.
    down: Option<(Duration, LimiterError)>,
    pause: Duration,
}

impl Courier {
    pub(super) fn new(post: Arc<Post>, connector: Connector) -> Self {
        Self {
            post,
            connector,
            script: Script::new(),
            connection: None,
            down: None,
            pause: FIRST_PAUSE,
        }
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

    async fn carry(&mut self, errands: Vec<Errand>) {
        if errands.is_empty() {
            return;
        }
        observe::batch(errands.len());
        let calls: Vec<Call> = errands.iter().map(|errand| errand.call.clone()).collect();
        match self.ask(&calls).await {
            Ok((said, acknowledged)) => {
                for (errand, said) in errands.into_iter().zip(said) {
                    let unsafe_grant = said.granted && errand.call.takes() && !acknowledged;
                    let answer = if unsafe_grant {
                        Err(unacknowledged())
                    } else {
                        Ok(said)
                    };
                    drop(errand.answer.send(answer));
                }
            }
            Err(error) => {
                for errand in errands {
                    errand.fail(error.clone());
                }
            }
        }
    }

    /// What the script says to the calls, and whether enough replicas have it.
    async fn ask(&mut self, calls: &[Call]) -> Result<(Vec<Said>, bool), LimiterError> {
        let post = Arc::clone(&self.post);
        let config = &post.config;
        let command = encode(
            self.script.command(),
            &post.epoch_key,
            config.quarantine,
            calls,
        );
        let is_to_be_acknowledged = calls.iter().any(Call::takes);
        let pipeline = pipeline(&command, config, is_to_be_acknowledged);
        let answers = match self.run_once(&pipeline).await {
            // It said that it did nothing: another connection may find the server that does.
            Err(Missed::Redis(error)) if is_elsewhere(&error) => self.run_once(&pipeline).await,
            answers => answers,
        };
        let answers = answers.map_err(Missed::told)?;
        let said = decode(answers.first().unwrap_or(&Value::Nil), calls.len())?;
        let acknowledged = match answers.get(1) {
            None => true,
            Some(Value::Int(by)) => *by >= i64::from(config.acknowledged_by),
            Some(_) => false,
        };
        Ok((said, acknowledged))
    }

    /// Runs it on the connection that there is, or on a new one. A connection on which something failed is given up:
    /// whether the command had its effect is not known, and another server may be the primary.
    async fn run_once(&mut self, pipeline: &Pipeline) -> Result<Vec<Value>, Missed> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let mut answers = query(&mut connection, pipeline).await;
        if answers.as_ref().is_err_and(is_unknown) {
            Script::load(&mut connection).await?;
            answers = query(&mut connection, pipeline).await;
        }
        let answers = answers?;
        self.connection = Some(connection);
        Ok(answers)
    }

    async fn connect(&mut self) -> Result<MultiplexedConnection, Missed> {
        let now = self.post.clock.monotonic();
        if let Some((until, error)) = &self.down
            && now < *until
        {
            return Err(Missed::Told(error.clone()));
        }
        match self.connector.connect().await {
            Ok(connection) => {
                self.down = None;
                self.pause = FIRST_PAUSE;
                Ok(connection)
            }
            Err(error) => {
                let until = self.post.clock.monotonic() + self.pause;
                self.down = Some((until, failure(&error)));
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                Err(Missed::Redis(error))
            }
        }
    }
}

/// Why there is no answer.
enum Missed {
    Redis(RedisError),
    Told(LimiterError),
}

impl From<RedisError> for Missed {
    fn from(error: RedisError) -> Self {
        Self::Redis(error)
    }
}

impl Missed {
    fn told(self) -> LimiterError {
        match self {
            Self::Redis(error) => failure(&error),
            Self::Told(error) => error,
        }
    }
}

fn unacknowledged() -> LimiterError {
    LimiterError::Unavailable("too few replicas acknowledged".to_owned())
}

/// The script, and `WAIT` behind it on the same connection.
fn pipeline(command: &Cmd, config: &RedisConfig, is_to_be_acknowledged: bool) -> Pipeline {
    let mut pipeline = Pipeline::with_capacity(2);
    pipeline.add_command(command.clone());
    if config.acknowledged_by > 0 && is_to_be_acknowledged {
        let within = config.reply_within / WAIT_PART;
        pipeline
            .cmd("WAIT")
            .arg(config.acknowledged_by)
            .arg(u64::try_from(within.as_millis()).unwrap_or(u64::MAX).max(1));
    }
    pipeline
}

async fn query(
    connection: &mut MultiplexedConnection,
    pipeline: &Pipeline,
) -> RedisResult<Vec<Value>> {
    pipeline.query_async(connection).await
}
