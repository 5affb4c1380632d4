#![doc = include_str!("../README.md")]

mod certificate;
mod cloud;
pub mod data;
mod envoy;
mod network;
mod ports;
mod postgres;
mod program;
mod proxy;
mod redis;
mod waiting;

pub use certificate::Certificate;
pub use cloud::{Azure, S3};
pub use envoy::Envoy;
pub use network::{Network, free_address};
pub use ports::free_port;
pub use postgres::{Database, Plan, Postgres, PostgresOptions, walk};
pub use program::{Program, Running};
pub use proxy::{Direction, Proxy};
pub use redis::{Redis, RedisCluster, RedisOptions, Sentinels, SentinelsOptions};
pub use stanchion_kernel::{Clock, ManualClock};
pub use tempfile::TempDir;
pub use waiting::{eventually, hold};
