//! Connections to the server that is the primary now, the script, and what errors mean.

use redis::aio::MultiplexedConnection;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind,
    IntoConnectionInfo as _, RedisError, RedisResult, ServerErrorKind, TlsMode,
};

use super::config::{Place, RedisConfig};
use crate::LimiterError;

const SCRIPT: &str = include_str!("buckets.lua");

/// Makes connections to the primary.
pub(super) struct Connector {
    route: Route,
    within: AsyncConnectionConfig,
}

enum Route {
    Direct(Box<Client>),
    Sentinel(Box<SentinelClient>),
}

impl Connector {
    /// # Errors
    /// [`LimiterError::Config`] when an address is none.
    pub(super) fn new(config: &RedisConfig) -> Result<Self, LimiterError> {
        let route = route(&config.place).map_err(|error| no_address(&error))?;
        let within = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(config.connect_within))
            .set_response_timeout(Some(config.reply_within));
        Ok(Self { route, within })
    }

    /// A new connection.
    pub(super) async fn connect(&mut self) -> RedisResult<MultiplexedConnection> {
        let client = match &mut self.route {
            Route::Direct(client) => Client::clone(client),
            Route::Sentinel(sentinel) => sentinel.async_get_client().await?,
        };
        client
            .get_multiplexed_async_connection_with_config(&self.within)
            .await
    }
}

fn route(place: &Place) -> RedisResult<Route> {
    let (urls, name, username, password) = match place {
        Place::Single(url) => return Ok(Route::Direct(Box::new(Client::open(url.as_str())?))),
        Place::Cluster { .. } => return Err((ErrorKind::InvalidClientConfig, "a cluster").into()),
        Place::Sentinel {
            urls,
            name,
            username,
            password,
        } => (urls, name, username, password),
    };
    let urls = urls.iter().map(|url| url.as_str().into_connection_info());
    let infos = urls.collect::<RedisResult<Vec<_>>>()?;
    let addresses = infos.iter().map(|info| info.addr().clone());
    let mut builder = SentinelClientBuilder::new(addresses, name, SentinelServerType::Master)?;
    let first = infos.first().map(ConnectionInfo::redis_settings);
    let of_sentinels = first.map(|first| (first.username(), first.password()));
    let (sentinel_username, sentinel_password) = of_sentinels.unwrap_or_default();
    if let Some(username) = username.as_deref().or(sentinel_username) {
        builder = builder.set_client_to_redis_username(username);
    }
    if let Some(password) = password.as_deref().or(sentinel_password) {
        builder = builder.set_client_to_redis_password(password);
    }
    if let Some(username) = sentinel_username {
        builder = builder.set_client_to_sentinel_username(username);
    }
    if let Some(password) = sentinel_password {
        builder = builder.set_client_to_sentinel_password(password);
    }
    let is_tls = |info: &ConnectionInfo| matches!(info.addr(), ConnectionAddr::TcpTls { .. });
    if infos.iter().any(is_tls) {
        builder = builder
            .set_client_to_redis_tls_mode(TlsMode::Secure)
            .set_client_to_sentinel_tls_mode(TlsMode::Secure);
    }
    Ok(Route::Sentinel(Box::new(builder.build()?)))
}

/// What is wrong with an address. The error's own words may quote it, and with it a password.
pub(super) fn no_address(error: &RedisError) -> LimiterError {
    LimiterError::Config(format!("an address is none: {}", error.category()))
}

/// The script, known to a server by its hash.
pub(super) struct Script {
    hash: String,
}

impl Script {
    pub(super) fn new() -> Self {
        let hash = redis::Script::new(SCRIPT).get_hash().to_owned();
        Self { hash }
    }

    /// The command that runs it; keys and words are to be appended.
    pub(super) fn command(&self) -> Cmd {
        let mut command = redis::cmd("EVALSHA");
        command.arg(&self.hash);
        command
    }

    /// The command that makes it known.
    pub(super) fn load() -> Cmd {
        let mut command = redis::cmd("SCRIPT");
        command.arg("LOAD").arg(SCRIPT);
        command
    }
}

/// Whether the server said that it did nothing, and a new connection may find one that does.
pub(super) fn is_elsewhere(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Server(
            ServerErrorKind::ReadOnly | ServerErrorKind::BusyLoading | ServerErrorKind::MasterDown
        )
    ) || matches!(error.code(), Some("NOREPLICAS"))
}

/// Whether the server does not know the script, and so did nothing.
pub(super) fn is_unknown(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// Whether no other attempt will end otherwise.
pub(super) fn is_refused(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::AuthenticationFailed
            | ErrorKind::InvalidClientConfig
            | ErrorKind::Server(ServerErrorKind::NoPerm)
    ) || matches!(error.code(), Some("NOAUTH" | "WRONGPASS"))
}

/// An error as callers hear it.
pub(super) fn failure(error: &RedisError) -> LimiterError {
    if is_refused(error) {
        return LimiterError::Config(format!("Redis refuses: {error}"));
    }
    LimiterError::Unavailable(error.to_string())
}
