use std::sync::Arc;

use stanchion_kernel::{Clock, Entropy, Ids, Uuid};
use stanchion_store::idempotency::IdempotencyKey;
use stanchion_store::{Backend, Migration, Migrations, Store, Tx};

mod shared;
mod upkeep;

use crate::adaptive::Mode;
use crate::command::{Action, Command, End};
use crate::config::StockConfig;
use crate::engine::Engine;
use crate::error::StockError;
use crate::model::{Lines, Outcome, Refusal, Reservation, StockRow};
use crate::observe;
use crate::port::postgres::PostgresLedger;
use crate::port::sqlite::SqliteLedger;
use crate::port::{Port, corrupt};
use crate::request::{Adjust, Reserve, SetLowStock, check_key};
use crate::strategy::Strategy;

/// The tables of this crate; they need those of `stanchion-store`.
pub const MIGRATIONS: Migrations = Migrations {
    component: "stock",
    sqlite: &[Migration {
        version: 1,
        name: "init",
        sql: include_str!("../migrations/sqlite/0001_init.sql"),
    }],
    postgres: &[Migration {
        version: 1,
        name: "init",
        sql: include_str!("../migrations/postgres/0001_init.sql"),
    }],
};

/// The ledger of a database. Cheap to clone; all clones share their lanes.
///
/// Every change is answered after its commit, happens once per idempotency key, bumps the versions of its rows and is in
/// the movements. A call that names no strategy takes that of the configuration. Changes that are decided in a lane go on
/// when their caller stops waiting.
#[derive(Clone, Debug)]
pub struct Stock {
    engine: Arc<Engine>,
}

impl Stock {
    /// The ledger in `store`; needs the schema of [`MIGRATIONS`].
    #[must_use]
    pub fn new(
        store: &Store,
        ids: Ids,
        clock: Clock,
        entropy: Entropy,
        config: StockConfig,
    ) -> Self {
        let port: Arc<dyn Port> = match store.backend() {
            Backend::Sqlite(sqlite) => Arc::new(SqliteLedger::new(store.clone(), sqlite.clone())),
            Backend::Postgres(postgres) => {
                Arc::new(PostgresLedger::new(store.clone(), postgres.clone()))
            }
        };
        Self::over(port, ids, clock, entropy, config)
    }

    /// The ledger on any database.
    #[must_use]
    pub fn over(
        port: Arc<dyn Port>,
        ids: Ids,
        clock: Clock,
        entropy: Entropy,
        config: StockConfig,
    ) -> Self {
        let engine = Engine::new(port, ids, clock, entropy, config);
        Self {
            engine: Arc::new(engine),
        }
    }

    /// The database underneath, for a decorator.
    #[must_use]
    pub fn port(&self) -> Arc<dyn Port> {
        Arc::clone(&self.engine.port)
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &StockConfig {
        &self.engine.config
    }

    /// Holds pieces, all lines or none, until they are committed or released or their time is over.
    ///
    /// # Errors
    /// [`StockError::Invalid`]; [`StockError::Refused`] with [`Refusal::Insufficient`], [`Refusal::UnknownSkus`] or
    /// [`Refusal::KeyReused`]; [`StockError::Contended`], [`StockError::Busy`], or the database's own.
    pub async fn reserve(
        &self,
        reserve: Reserve,
        strategy: Option<Strategy>,
    ) -> Result<Reservation, StockError> {
        let command = self.reserving(reserve)?;
        reservation(self.engine.run(command, strategy).await?)
    }

    /// Sells held pieces: all of a reservation, or these, and then the rest is given back. Asking for the same again is
    /// answered in the same way.
    ///
    /// # Errors
    /// [`StockError::Refused`] with [`Refusal::NoReservation`], [`Refusal::Settled`], [`Refusal::MoreThanReserved`] or
    /// [`Refusal::KeyReused`]; otherwise as for [`Stock::reserve`].
    pub async fn commit(
        &self,
        id: Uuid,
        lines: Option<Lines>,
        key: Option<IdempotencyKey>,
        strategy: Option<Strategy>,
    ) -> Result<Reservation, StockError> {
        let command = self.settling(None, id, End::Commit(lines), key).await?;
        reservation(self.engine.run(command, strategy).await?)
    }

    /// Gives held pieces back. Asking again is answered in the same way.
    ///
    /// # Errors
    /// As for [`Stock::commit`].
    pub async fn release(
        &self,
        id: Uuid,
        key: Option<IdempotencyKey>,
        strategy: Option<Strategy>,
    ) -> Result<Reservation, StockError> {
        let command = self.settling(None, id, End::Release, key).await?;
        reservation(self.engine.run(command, strategy).await?)
    }

    /// Changes what is on hand: a receipt, a loss, a correction.
    ///
    /// # Errors
    /// [`StockError::Refused`] with [`Refusal::VersionConflict`], [`Refusal::OutOfBounds`] or [`Refusal::KeyReused`];
    /// otherwise as for [`Stock::reserve`].
    pub async fn adjust(
        &self,
        adjust: Adjust,
        strategy: Option<Strategy>,
    ) -> Result<StockRow, StockError> {
        let command = self.findable(adjusting(adjust)?);
        row(self.engine.run(command, strategy).await?)
    }

    /// Sets the threshold below which a SKU is announced as low.
    ///
    /// # Errors
    /// [`StockError::Refused`] with [`Refusal::UnknownSkus`] or [`Refusal::KeyReused`]; otherwise as for
    /// [`Stock::reserve`].
    pub async fn set_low_stock(
        &self,
        set: SetLowStock,
        strategy: Option<Strategy>,
    ) -> Result<StockRow, StockError> {
        set.check()?;
        check_key(set.key.as_ref())?;
        let SetLowStock {
            sku,
            threshold,
            key,
        } = set;
        let action = Action::SetLowStock { sku, threshold };
        let command = self.findable(Command { action, key });
        row(self.engine.run(command, strategy).await?)
    }

    /// What there is of a SKU; nothing for one that never had any.
    ///
    /// # Errors
    /// The database's own.
    pub async fn row(&self, sku: &str) -> Result<Option<StockRow>, StockError> {
        Ok(self.engine.port.row(sku).await?)
    }

    /// A reservation. It may say `held` after its time is over, until it is swept or somebody asks for its end.
    ///
    /// # Errors
    /// The database's own.
    pub async fn reservation(&self, id: Uuid) -> Result<Option<Reservation>, StockError> {
        Ok(self.engine.port.reservation(None, id).await?)
    }

    /// What [`Strategy::Adaptive`] does with a SKU for now: [`Strategy::Atomic`] or [`Strategy::Batched`].
    #[must_use]
    pub fn strategy_of(&self, sku: &str) -> Strategy {
        let lane = self.engine.lane_of(sku);
        match self.engine.watch(lane).mode_of(sku) {
            Mode::Direct => Strategy::Atomic,
            Mode::Batched => Strategy::Batched,
        }
    }

    /// How many commands wait in the lane of a SKU, behind the batch that is under way.
    #[must_use]
    pub fn waiting(&self, sku: &str) -> usize {
        self.engine.lane(self.engine.lane_of(sku)).depth()
    }

    fn reserving(&self, reserve: Reserve) -> Result<Command, StockError> {
        let ttl = reserve.checked_ttl(&self.engine.config)?;
        check_key(reserve.key.as_ref())?;
        let action = Action::Reserve {
            id: self.engine.ids.next(),
            lines: reserve.lines,
            ttl,
        };
        Ok(Command {
            action,
            key: reserve.key,
        })
    }

    async fn settling(
        &self,
        tx: Option<&mut Tx>,
        id: Uuid,
        end: End,
        key: Option<IdempotencyKey>,
    ) -> Result<Command, StockError> {
        check_key(key.as_ref())?;
        let Some(found) = self.engine.port.reservation(tx, id).await? else {
            return Err(refused(Refusal::NoReservation { id }));
        };
        let reserved = found.reserved_lines().map_err(corrupt)?;
        let action = Action::Settle { id, reserved, end };
        Ok(Command { action, key })
    }

    /// A change without an id gets a key, by which another attempt finds what the first one did.
    fn findable(&self, mut command: Command) -> Command {
        command.key.get_or_insert_with(|| IdempotencyKey {
            caller: String::new(),
            route: "internal".to_owned(),
            key: self.engine.ids.next().to_string(),
            fingerprint: [0; 32],
        });
        command
    }
}

fn adjusting(adjust: Adjust) -> Result<Command, StockError> {
    adjust.check()?;
    check_key(adjust.key.as_ref())?;
    let action = Action::Adjust {
        sku: adjust.sku,
        delta: adjust.delta,
        reason: adjust.reason,
        if_version: adjust.if_version,
    };
    Ok(Command {
        action,
        key: adjust.key,
    })
}

fn reservation(outcome: Outcome) -> Result<Reservation, StockError> {
    match outcome {
        Outcome::Reserved(reservation) | Outcome::Settled(reservation) => Ok(reservation),
        Outcome::Refused(refusal) => Err(refused(refusal)),
        // A key whose first request was of another kind.
        Outcome::Changed(_) => Err(refused(Refusal::KeyReused)),
    }
}

fn row(outcome: Outcome) -> Result<StockRow, StockError> {
    match outcome {
        Outcome::Changed(row) => Ok(row),
        Outcome::Refused(refusal) => Err(refused(refusal)),
        Outcome::Reserved(_) | Outcome::Settled(_) => Err(refused(Refusal::KeyReused)),
    }
}

fn refused(refusal: Refusal) -> StockError {
    observe::refused(&refusal);
    refusal.into()
}
