use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{PgConnection, Postgres};
use stanchion_kernel::Uuid;
use stanchion_store::{Statement, StoreError};

use super::row::Columns;
use crate::model::{JobId, Reason};
use crate::port::ending::keeps;
use crate::port::page::Sought;
use crate::port::revival::{Letter, Revival, decide};
use crate::port::{Filter, Replay, Replayed, Which, corrupt};
use crate::states::State;

const DEAD: &str = include_str!("dead.sql");
pub(super) const REPLAY: &str = include_str!("replay.sql");

type Query = sqlx::query::Query<'static, Postgres, PgArguments>;

/// The statement that finds dead letters.
#[derive(Debug)]
pub(super) struct Letters {
    dead: Statement,
}

impl Letters {
    pub(super) fn new() -> Self {
        Self {
            dead: Statement::new("jobs_dead", DEAD),
        }
    }

    #[cfg(test)]
    pub(super) fn rendered(&self, features: &[&'static str]) -> stanchion_store::Rendered {
        self.dead.postgres(features)
    }

    pub(super) async fn run(
        &self,
        connection: &mut PgConnection,
        replay: &Replay,
        limit: u32,
    ) -> Result<Replayed, StoreError> {
        let rows = self.find(&replay.which, limit)?;
        let rows = rows.fetch_all(&mut *connection).await?;
        let letters: Result<Vec<Letter>, StoreError> = rows.iter().map(letter).collect();
        let (revivals, told) = decide(letters?, replay)?;
        if !revivals.is_empty() {
            revive(connection, &revivals).await?;
        }
        Ok(told)
    }

    fn find(&self, which: &Which, limit: u32) -> Result<Query, StoreError> {
        let (ids, filter) = match which {
            Which::Ids(ids) => (Some(ids.iter().map(|id| id.0).collect()), Filter::default()),
            Which::Filter(filter) => (None, filter.clone()),
        };
        let mut features = Sought::page(&filter, None, limit).features();
        if ids.is_some() {
            features.push("ids");
        }
        let rendered = self.dead.postgres(&features);
        let mut query = sqlx::query(rendered.sql);
        for parameter in rendered.parameters {
            query = match *parameter {
                "ids" => query.bind::<Option<Vec<Uuid>>>(ids.clone()),
                "queue" => query.bind(filter.queue.as_ref().map(|queue| queue.as_str().to_owned())),
                "kind" => query.bind(filter.kind.as_ref().map(|kind| kind.as_str().to_owned())),
                "reason" => query.bind(filter.reason.map(Reason::as_str)),
                "input" => query.bind(filter.input.map(|input| input.0)),
                "limit" => query.bind(i64::from(limit)),
                other => return Err(corrupt(format!("nothing to bind to `{other}`"))),
            };
        }
        Ok(query)
    }
}

fn letter(row: &PgRow) -> Result<Letter, StoreError> {
    let mut columns = Columns::of(row);
    Ok(Letter {
        id: JobId(columns.next()?),
        kind: columns.kind()?,
        args: columns.args()?,
        input: columns.input()?,
        unique_key: columns.next()?,
        owner: columns.next::<Option<Uuid>>()?.map(JobId),
    })
}

async fn revive(connection: &mut PgConnection, revivals: &[Revival]) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = revivals.iter().map(|revival| revival.id.0).collect();
    let args: Vec<&str> = revivals
        .iter()
        .map(|revival| revival.args.as_str())
        .collect();
    let inputs: Vec<[u8; 32]> = revivals.iter().map(|revival| revival.input.0).collect();
    sqlx::query(REPLAY)
        .bind(ids)
        .bind(args)
        .bind(inputs)
        .bind(keeps(State::Dead))
        .execute(connection)
        .await?;
    Ok(())
}
