use sqlx::postgres::PgArguments;
use sqlx::{PgConnection, Row as _};
use stanchion_kernel::Timestamp;
use stanchion_store::feed::append_postgres;
use stanchion_store::{Rendered, Statement, StoreError};

use super::statement;
use crate::decide::{Known, Plan};
use crate::model::{Movement, Reservation, StockRow};
use crate::port::stored::Stored;
use crate::port::{answered_meanwhile, corrupt, outpaced};

const WRITE: &str = include_str!("write.sql");

type Query = sqlx::query::Query<'static, sqlx::Postgres, PgArguments>;

/// The statement that writes a plan.
#[derive(Debug)]
pub(super) struct Write {
    write: Statement,
}

impl Write {
    pub(super) fn new() -> Self {
        Self {
            write: statement("stock_write", WRITE),
        }
    }

    /// Writes `plan` in the transaction that is open on `connection`.
    pub(super) async fn run(
        &self,
        connection: &mut PgConnection,
        plan: &Plan,
    ) -> Result<(), StoreError> {
        let columns = Columns::of(plan)?;
        let query = columns.query(self.write.postgres(&features(plan)))?;
        let done = query.fetch_one(&mut *connection).await?;
        let (met, settled): (bool, i64) = (done.try_get(0)?, done.try_get(1)?);
        if !met || settled != count(plan.settled.len()) {
            return Err(outpaced());
        }
        if done.try_get::<i64, _>(2)? != count(plan.outcomes.len()) {
            return Err(answered_meanwhile());
        }
        if plan.changes.is_empty() {
            return Ok(());
        }
        append_postgres(connection, &plan.changes).await
    }

    #[cfg(test)]
    pub(super) fn rendered(&self, features: &[&'static str]) -> Rendered {
        self.write.postgres(features)
    }
}

/// The parts of the statement that have something to write.
fn features(plan: &Plan) -> Vec<&'static str> {
    let is_new = |(expected, _): &(i64, StockRow)| *expected == 0;
    let wanted = [
        ("rows", !plan.rows.iter().all(is_new)),
        ("new", plan.rows.iter().any(is_new)),
        ("made", !plan.made.is_empty()),
        ("settled", !plan.settled.is_empty()),
        ("moved", !plan.movements.is_empty()),
        ("kept", !plan.outcomes.is_empty()),
    ];
    let wanted = wanted.into_iter().filter(|(_, wanted)| *wanted);
    wanted.map(|(name, _)| name).collect()
}

fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// A plan by columns, as `unnest` takes them.
struct Columns<'a> {
    plan: &'a Plan,
    updated: Vec<&'a (i64, StockRow)>,
    added: Vec<&'a (i64, StockRow)>,
    made_lines: Vec<String>,
    settled_lines: Vec<String>,
    outcomes: Vec<String>,
}

impl<'a> Columns<'a> {
    fn of(plan: &'a Plan) -> Result<Self, StoreError> {
        let (added, updated) = plan.rows.iter().partition(|(expected, _)| *expected == 0);
        let outcome = |known: &Known| Stored::text(&known.outcome);
        Ok(Self {
            plan,
            updated,
            added,
            made_lines: lines(&plan.made)?,
            settled_lines: lines(&plan.settled)?,
            outcomes: plan
                .outcomes
                .iter()
                .map(outcome)
                .collect::<Result<_, _>>()?,
        })
    }

    /// Binds what the statement asks for, in its order.
    fn query(mut self, rendered: Rendered) -> Result<Query, StoreError> {
        let mut query = sqlx::query(rendered.sql);
        for parameter in rendered.parameters {
            query = match parameter.split_once('_') {
                Some(("row", column)) => row_column(query, &self.updated, column)?,
                Some(("new", column)) => row_column(query, &self.added, column)?,
                Some(("made", column)) => self.made(query, column)?,
                Some(("settled", column)) => self.settled(query, column)?,
                Some(("moved", column)) => moved(query, &self.plan.movements, column)?,
                Some(("kept", column)) => self.kept(query, column)?,
                Some(("keep", "until")) => query.bind(self.plan.keep_until.to_datetime()),
                None if *parameter == "now" => query.bind(self.plan.now.to_datetime()),
                None if *parameter == "rows" => query.bind(count(self.plan.rows.len())),
                _ => return Err(unbound(parameter)),
            };
        }
        Ok(query)
    }

    fn made(&mut self, query: Query, column: &str) -> Result<Query, StoreError> {
        let made = &self.plan.made;
        let moment = |at: Timestamp| at.to_datetime();
        Ok(match column {
            "id" => query.bind(all(made, |r| r.id)),
            "state" => query.bind(all(made, |r| r.state.as_str())),
            "lines" => query.bind(std::mem::take(&mut self.made_lines)),
            "created_at" => query.bind(all(made, |r| moment(r.created_at))),
            "expires_at" => query.bind(all(made, |r| moment(r.expires_at))),
            "settled_at" => query.bind(all(made, |r| r.settled_at.map(moment))),
            _ => return Err(unbound(column)),
        })
    }

    fn settled(&mut self, query: Query, column: &str) -> Result<Query, StoreError> {
        let settled = &self.plan.settled;
        Ok(match column {
            "id" => query.bind(all(settled, |r| r.id)),
            "state" => query.bind(all(settled, |r| r.state.as_str())),
            "lines" => query.bind(std::mem::take(&mut self.settled_lines)),
            _ => return Err(unbound(column)),
        })
    }

    fn kept(&mut self, query: Query, column: &str) -> Result<Query, StoreError> {
        let kept = &self.plan.outcomes;
        Ok(match column {
            "caller" => query.bind(all(kept, |known| known.key.caller.clone())),
            "route" => query.bind(all(kept, |known| known.key.route.clone())),
            "key" => query.bind(all(kept, |known| known.key.key.clone())),
            "fingerprint" => query.bind(all(kept, |known| known.key.fingerprint)),
            "outcome" => query.bind(std::mem::take(&mut self.outcomes)),
            _ => return Err(unbound(column)),
        })
    }
}

fn row_column(query: Query, rows: &[&(i64, StockRow)], column: &str) -> Result<Query, StoreError> {
    Ok(match column {
        "sku" => query.bind(all(rows, |(_, row)| row.sku.clone())),
        "expected" => query.bind(all(rows, |(expected, _)| *expected)),
        "on_hand" => query.bind(all(rows, |(_, row)| row.on_hand)),
        "reserved" => query.bind(all(rows, |(_, row)| row.reserved)),
        "version" => query.bind(all(rows, |(_, row)| row.version)),
        "low_stock" => query.bind(all(rows, |(_, row)| row.low_stock)),
        _ => return Err(unbound(column)),
    })
}

fn moved(query: Query, movements: &[Movement], column: &str) -> Result<Query, StoreError> {
    Ok(match column {
        "sku" => query.bind(all(movements, |m| m.sku.clone())),
        "version" => query.bind(all(movements, |m| m.version)),
        "kind" => query.bind(all(movements, |m| m.kind.as_str())),
        "on_hand" => query.bind(all(movements, |m| m.on_hand_delta)),
        "reserved" => query.bind(all(movements, |m| m.reserved_delta)),
        "reservation" => query.bind(all(movements, |m| m.reservation)),
        "reason" => query.bind(all(movements, |m| m.reason.clone())),
        _ => return Err(unbound(column)),
    })
}

fn all<T, C>(rows: &[T], of: impl Fn(&T) -> C) -> Vec<C> {
    rows.iter().map(of).collect()
}

fn lines(reservations: &[Reservation]) -> Result<Vec<String>, StoreError> {
    let text = |reservation: &Reservation| serde_json::to_string(&reservation.lines);
    let texts: Result<Vec<String>, _> = reservations.iter().map(text).collect();
    texts.map_err(corrupt)
}

fn unbound(parameter: &str) -> StoreError {
    StoreError::Database(format!("nothing to bind to `{parameter}`"))
}
