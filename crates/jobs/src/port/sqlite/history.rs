use std::time::Duration;

use rusqlite::{Connection, Row, ToSql};
use stanchion_kernel::{Timestamp, Uuid};
use stanchion_store::{Statement, StoreError};

use super::claim::DISOWN;
use super::read::bind;
use super::row::{Columns, micros};
use crate::model::JobId;
use crate::port::ending::keeps;
use crate::port::page::Sought;
use crate::port::revival::{Letter, Revival, decide};
use crate::port::{Replay, Replayed, Retention, Which, corrupt};
use crate::states::State;

const DEAD: &str = include_str!("dead.sql");
const OLD: &str = include_str!("old.sql");
pub(super) const REVIVE: &str = include_str!("revive.sql");
pub(super) const PARDON: &str = include_str!("pardon.sql");
pub(super) const RETAKE: &str = include_str!("retake.sql");
pub(super) const FORGET: &str = include_str!("forget.sql");
pub(super) const PRUNE_SUSPECTS: &str = include_str!("prune_suspects.sql");

/// The statements on what has ended.
#[derive(Debug)]
pub(super) struct History {
    dead: Statement,
    old: Statement,
}

impl History {
    pub(super) fn new() -> Self {
        Self {
            dead: Statement::new("jobs_dead", DEAD),
            old: Statement::new("jobs_old", OLD),
        }
    }

    #[cfg(test)]
    pub(super) fn rendered(&self, features: &[&'static str]) -> [stanchion_store::Rendered; 2] {
        [self.dead.sqlite(features), self.old.sqlite(features)]
    }

    pub(super) fn replay(
        &self,
        connection: &Connection,
        now: Timestamp,
        replay: &Replay,
        limit: u32,
    ) -> Result<Replayed, StoreError> {
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut letters = Vec::new();
        match &replay.which {
            Which::Filter(filter) => {
                letters = self.letters(connection, &Sought::page(filter, None, limit))?;
            }
            Which::Ids(ids) => {
                let mut ids = ids.clone();
                ids.sort();
                ids.dedup();
                for id in ids {
                    if letters.len() < most {
                        letters.extend(self.letters(connection, &Sought::one(id))?);
                    }
                }
            }
        }
        let (revivals, told) = decide(letters, replay)?;
        for revival in &revivals {
            revive(connection, now, revival)?;
        }
        Ok(told)
    }

    fn letters(&self, connection: &Connection, sought: &Sought) -> Result<Vec<Letter>, StoreError> {
        let rendered = self.dead.sqlite(&sought.features());
        let mut statement = connection.prepare_cached(rendered.sql)?;
        bind(&mut statement, rendered, sought)?;
        let mut rows = statement.raw_query();
        let mut letters = Vec::new();
        while let Some(row) = rows.next()? {
            letters.push(letter(row)?);
        }
        Ok(letters)
    }

    pub(super) fn prune(
        &self,
        connection: &Connection,
        now: Timestamp,
        keep: Retention,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let before = |keep: Duration| now.as_micros().saturating_sub(micros(keep));
        let mut pruned = 0;
        for (state, keep) in [
            (State::Completed, keep.done),
            (State::Cancelled, keep.done),
            (State::Dead, keep.dead),
        ] {
            let rest = u64::from(limit).saturating_sub(pruned);
            pruned += self.forget(connection, state, before(keep), rest)?;
        }
        let mut suspects = connection.prepare_cached(PRUNE_SUSPECTS)?;
        suspects.execute((before(keep.dead), limit))?;
        Ok(pruned)
    }

    fn forget(
        &self,
        connection: &Connection,
        state: State,
        before: i64,
        limit: u64,
    ) -> Result<u64, StoreError> {
        let done = state == State::Completed;
        let rendered = self.old.sqlite(if done { &["done"] } else { &[] });
        let mut old = connection.prepare_cached(rendered.sql)?;
        for parameter in rendered.parameters {
            let name = format!(":{parameter}");
            let at = old.parameter_index(&name)?;
            let at = at.ok_or_else(|| corrupt(format!("no parameter `{name}`")))?;
            let value: &dyn ToSql = match *parameter {
                "before" => &before,
                "state" => &state.as_str(),
                "limit" => &i64::try_from(limit).unwrap_or(i64::MAX),
                other => return Err(corrupt(format!("nothing to bind to `{other}`"))),
            };
            old.raw_bind_parameter(at, value)?;
        }
        let mut rows = old.raw_query();
        let mut found: Vec<([u8; 16], Option<Vec<u8>>)> = Vec::new();
        while let Some(row) = rows.next()? {
            found.push((row.get(0)?, row.get(1)?));
        }
        for (id, key) in &found {
            connection.prepare_cached(FORGET)?.execute([id])?;
            if let Some(key) = key {
                connection.prepare_cached(DISOWN)?.execute((key, id))?;
            }
        }
        Ok(u64::try_from(found.len()).unwrap_or(u64::MAX))
    }
}

fn letter(row: &Row<'_>) -> Result<Letter, StoreError> {
    let mut columns = Columns::of(row);
    Ok(Letter {
        id: JobId(columns.id()?),
        kind: columns.kind()?,
        args: columns.args()?,
        input: columns.input()?,
        unique_key: columns.next()?,
        owner: columns
            .next::<Option<[u8; 16]>>()?
            .map(|owner| JobId(Uuid::from_bytes(owner))),
    })
}

fn revive(connection: &Connection, now: Timestamp, revival: &Revival) -> Result<(), StoreError> {
    let id = revival.id.0.as_bytes();
    let (args, input) = (revival.args.as_str(), revival.input.0);
    let mut revive = connection.prepare_cached(REVIVE)?;
    revive.execute((id, args, input, now.as_micros()))?;
    connection
        .prepare_cached(PARDON)?
        .execute((id, now.as_micros()))?;
    connection
        .prepare_cached(RETAKE)?
        .execute((id, keeps(State::Dead)))?;
    connection.prepare_cached(FORGET)?.execute([id])?;
    Ok(())
}
