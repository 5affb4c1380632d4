use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{RedisError, RedisResult, Value};
use stanchion_kernel::Clock;

use super::{Answers, Parcel};
use crate::LimiterError;
use crate::port::redis::config::RedisConfig;
use crate::port::redis::link::{Connector, Script, failure, is_elsewhere, is_unknown};
use crate::port::redis::standing::{SETTINGS, Settings};

/// The first and the longest pause after a connection could not be made.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A connection to the primary, found anew when it fails.
pub(in crate::port::redis) struct Primary {
    connector: Connector,
    clock: Clock,
    connection: Option<MultiplexedConnection>,
    /// Nobody connects before this moment, and what is asked until then hears why.
    down: Option<(Duration, LimiterError)>,
    pause: Duration,
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

impl Primary {
    pub(super) fn new(config: &RedisConfig, clock: Clock) -> Result<Self, LimiterError> {
        Ok(Self {
            connector: Connector::new(config)?,
            clock,
            connection: None,
            down: None,
            pause: FIRST_PAUSE,
        })
    }

    pub(super) async fn carry(&mut self, parcel: &Parcel) -> Answers {
        let answers = match self.carry_once(parcel).await {
            // It said that it did nothing: another connection may find the server that does.
            Err(Missed::Redis(error)) if is_elsewhere(&error) => self.carry_once(parcel).await,
            answers => answers,
        };
        answers.map_err(Missed::told)
    }

    /// A connection on which something failed is given up: whether the command had its effect is not known, and another
    /// server may be the primary.
    async fn carry_once(&mut self, parcel: &Parcel) -> Result<Vec<Value>, Missed> {
        let mut connection = self.take().await?;
        let commands = &parcel.commands;
        let mut answers: RedisResult<Vec<Value>> = commands.query_async(&mut connection).await;
        if answers.as_ref().is_err_and(is_unknown) {
            Script::load().query_async::<Value>(&mut connection).await?;
            answers = commands.query_async(&mut connection).await;
        }
        let answers = answers?;
        self.connection = Some(connection);
        Ok(answers)
    }

    async fn take(&mut self) -> Result<MultiplexedConnection, Missed> {
        if let Some(connection) = self.connection.take() {
            return Ok(connection);
        }
        if let Some((until, error)) = &self.down
            && self.clock.monotonic() < *until
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
                self.down = Some((self.clock.monotonic() + self.pause, failure(&error)));
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                Err(Missed::Redis(error))
            }
        }
    }

    /// One that is no primary any more is left, and the next look finds the one that is.
    pub(super) async fn settings(&mut self) -> Result<Vec<Settings>, LimiterError> {
        let mut connection = self.take().await.map_err(Missed::told)?;
        let settings = read(&mut connection)
            .await
            .map_err(|error| failure(&error))?;
        if settings.role != "master" {
            return Ok(Vec::new());
        }
        self.connection = Some(connection);
        Ok(vec![settings])
    }
}

async fn read(connection: &mut MultiplexedConnection) -> RedisResult<Settings> {
    let info: String = redis::cmd("INFO").query_async(connection).await?;
    let config: RedisResult<Vec<(String, String)>> = redis::cmd("CONFIG")
        .arg("GET")
        .arg(SETTINGS)
        .query_async(connection)
        .await;
    // Managed servers do not tell; then their settings are not trusted either.
    Ok(Settings::parse(&info, config.ok().as_deref()))
}
