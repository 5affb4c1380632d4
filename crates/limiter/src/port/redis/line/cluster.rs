use std::collections::HashMap;
use std::sync::Arc;

use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{
    MultipleNodeRoutingInfo, Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr,
};
use redis::{Cmd, FromRedisValue, RedisResult, Value};
use tokio::sync::Mutex;

use super::{Answers, Parcel};
use crate::LimiterError;
use crate::port::redis::config::RedisConfig;
use crate::port::redis::link::{Script, failure, is_unknown, no_address};
use crate::port::redis::standing::{SETTINGS, Settings};

/// How often a script follows the slots to another node, or waits for them, before it fails.
const RETRIES: u32 = 4;
const LONGEST_WAIT_MS: u64 = 100;

/// Connections to all nodes of a cluster. Cheap to clone; all clones share them.
#[derive(Clone)]
pub(in crate::port::redis) struct Cluster {
    clients: Arc<Clients>,
    connections: Arc<Mutex<Option<Connections>>>,
}

struct Clients {
    following: ClusterClient,
    /// It sends nothing twice.
    once: ClusterClient,
}

#[derive(Clone)]
struct Connections {
    following: ClusterConnection,
    once: ClusterConnection,
}

impl Cluster {
    pub(super) fn new(urls: &[String], config: &RedisConfig) -> Result<Self, LimiterError> {
        let client = |retries| {
            ClusterClientBuilder::new(urls.iter().map(String::as_str))
                .connection_timeout(config.connect_within)
                .response_timeout(config.reply_within)
                .overall_response_timeout(Some(config.reply_within))
                .max_retry_wait(LONGEST_WAIT_MS)
                .retries(retries)
                .build()
        };
        let clients = Clients {
            following: client(RETRIES).map_err(|error| no_address(&error))?,
            once: client(0).map_err(|error| no_address(&error))?,
        };
        Ok(Self {
            clients: Arc::new(clients),
            connections: Arc::default(),
        })
    }

    async fn connections(&self) -> RedisResult<Connections> {
        let mut held = self.connections.lock().await;
        if let Some(connections) = &*held {
            return Ok(connections.clone());
        }
        let connections = Connections {
            following: self.clients.following.get_async_connection().await?,
            once: self.clients.once.get_async_connection().await?,
        };
        *held = Some(connections.clone());
        Ok(connections)
    }

    pub(super) async fn carry(&self, parcel: &Parcel) -> Answers {
        let answers = async {
            let connections = self.connections().await?;
            carry(&connections, parcel).await
        };
        answers.await.map_err(|error| failure(&error))
    }

    pub(super) async fn settings(&self) -> Result<Vec<Settings>, LimiterError> {
        let read = async {
            let mut connection = self.connections().await?.following;
            let infos: HashMap<String, String> =
                ask_all(&mut connection, redis::cmd("INFO")).await?;
            let mut command = redis::cmd("CONFIG");
            command.arg("GET").arg(SETTINGS);
            let configs: RedisResult<HashMap<String, Vec<(String, String)>>> =
                ask_all(&mut connection, command).await;
            let configs = configs.unwrap_or_default();
            let settings = infos.iter();
            let settings = settings
                .map(|(node, info)| Settings::parse(info, configs.get(node).map(Vec::as_slice)));
            RedisResult::Ok(settings.collect())
        };
        read.await.map_err(|error| failure(&error))
    }
}

/// What every primary answers, by its address.
async fn ask_all<T: FromRedisValue>(
    connection: &mut ClusterConnection,
    command: Cmd,
) -> RedisResult<HashMap<String, T>> {
    let all = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
    let answers = connection.route_command(command, all).await?;
    Ok(redis::from_redis_value(answers)?)
}

async fn carry(connections: &Connections, parcel: &Parcel) -> RedisResult<Vec<Value>> {
    let mut connection = if parcel.is_repeatable {
        connections.following.clone()
    } else {
        connections.once.clone()
    };
    let answers = send(&mut connection, parcel).await;
    if !answers.as_ref().is_err_and(is_unknown) {
        return answers;
    }
    let route = RoutingInfo::SingleNode(route(parcel));
    connection.route_command(Script::load(), route).await?;
    send(&mut connection, parcel).await
}

/// The primary that has the slot of a parcel.
fn route(parcel: &Parcel) -> SingleNodeRoutingInfo {
    SingleNodeRoutingInfo::SpecificNode(Route::with_key(&parcel.epoch_key, SlotAddr::Master))
}

async fn send(connection: &mut ClusterConnection, parcel: &Parcel) -> RedisResult<Vec<Value>> {
    let commands = &parcel.commands;
    let answers = connection
        .route_pipeline(commands.clone(), 0, commands.len(), route(parcel))
        .await?;
    answers.into_iter().map(Value::extract_error).collect()
}
