//! Runs a private Redis server until it is killed itself; prints the process id.

use std::io::Write as _;

use stanchion_testkit::{Redis, RedisOptions};

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let redis = Redis::start(RedisOptions::default()).await;
    writeln!(
        std::io::stdout(),
        "holding {}",
        redis.pid().unwrap_or_default()
    )?;
    loop {
        std::thread::park();
    }
}
