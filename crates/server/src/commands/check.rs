//! `serve --check`: everything that can be known before a start.

use std::path::Path;
use std::process::ExitCode;

use stanchion_limiter::port::{Promise, Standing};
use stanchion_store::{Backend, Postgres, Store};

use super::{Session, print};
use crate::config::BackendWord;
use crate::wiring::database::{self, MIGRATIONS};
use crate::wiring::{buckets, pictures};

const SYNCHRONOUS: &str = include_str!("check/synchronous.sql");

pub(super) async fn run(session: &Session) -> anyhow::Result<ExitCode> {
    print(toml::to_string(&session.config)?)?;
    match session.config.limiter.backend {
        BackendWord::Memory => {}
        BackendWord::Redis | BackendWord::RedisCluster => {
            let buckets = buckets::open(session).await?;
            print_limits(buckets.standing().as_ref())?;
        }
        // The port may be that of a server that runs.
        BackendWord::Gossip => print("# gossip admits up to `bound` tokens beyond the limits")?,
        BackendWord::Escrow => print("# escrow admits nothing beyond the limits")?,
    }
    pictures::check(session)?;
    let url = &session.config.database.url;
    if let Some(path) = url.reveal().strip_prefix("sqlite:")
        && !Path::new(path.strip_prefix("//").unwrap_or(path)).exists()
    {
        print(format_args!("# {url} does not exist yet; `serve` makes it"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let store = database::connect(session).await?;
    let current = schema(&store, session).await?;
    print(format_args!("# {current}"))?;
    print(format_args!("# {}", durability(&store).await?))?;
    Ok(ExitCode::SUCCESS)
}

/// What a failover of Redis can do to the limits, and why.
fn print_limits(standing: Option<&Standing>) -> anyhow::Result<()> {
    let Some(standing) = standing else {
        return Ok(print("# Redis cannot be reached; `serve` waits for it")?);
    };
    let promise = match standing.promise {
        Promise::Exact => "a failover of Redis admits nothing beyond the limits",
        Promise::Twice { .. } => "a failover of Redis may admit a burst TWICE",
        Promise::Forgets => "Redis may FORGET buckets, which are full again then",
    };
    print(format_args!("# {promise}"))?;
    for remark in &standing.remarks {
        print(format_args!("#   {remark}"))?;
    }
    Ok(())
}

/// What `serve` will do about the schema; an error when it would refuse to start.
async fn schema(store: &Store, session: &Session) -> anyhow::Result<&'static str> {
    let migrates = matches!(store.backend(), Backend::Sqlite(_));
    match store.check_schema(&MIGRATIONS).await {
        Ok(()) => Ok("the schema is up to date"),
        Err(_) if migrates || session.config.database.auto_migrate => {
            Ok("the schema is old; `serve` brings it up to date")
        }
        Err(error) => Err(error.into()),
    }
}

async fn durability(store: &Store) -> anyhow::Result<String> {
    Ok(match store.backend() {
        Backend::Sqlite(_) => {
            "acknowledged writes survive a crash and a loss of power, as long as the disk does"
                .to_owned()
        }
        Backend::Postgres(postgres) => {
            let (standbys, commit) = synchronous(postgres).await?;
            describe(&standbys, &commit)
        }
    })
}

async fn synchronous(postgres: &Postgres) -> anyhow::Result<(String, String)> {
    Ok(sqlx::query_as(SYNCHRONOUS)
        .fetch_one(postgres.pool())
        .await?)
}

/// What PostgreSQL's two settings mean for a write that was acknowledged.
fn describe(standbys: &str, commit: &str) -> String {
    match (standbys.is_empty(), commit) {
        (_, "off") => {
            "acknowledged writes may be LOST in a crash: synchronous_commit is off".to_owned()
        }
        (true, _) | (false, "local") => format!(
            "acknowledged writes survive a crash, but the newest may be LOST in a failover: \
             synchronous_standby_names is {standbys:?}, synchronous_commit is {commit}"
        ),
        (false, _) => format!(
            "acknowledged writes survive a failover to a synchronous standby: \
             synchronous_standby_names is {standbys:?}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::describe;

    #[test]
    fn only_synchronous_standbys_keep_writes_through_a_failover() {
        assert!(describe("", "on").contains("LOST in a failover"));
        assert!(describe("s1", "local").contains("LOST in a failover"));
        assert!(describe("s1", "off").contains("LOST in a crash"));
        for commit in ["on", "remote_write", "remote_apply"] {
            assert!(describe("ANY 1 (s1, s2)", commit).contains("survive a failover"));
        }
    }
}
