use stanchion_kernel::{Entropy, Ids, Uuid};

use crate::store::{Backend, Store};
use crate::{Postgres, Sqlite, StoreError};

const ENSURE_SQLITE: &str = include_str!("instance/ensure_sqlite.sql");
const SELECT_SQLITE: &str = include_str!("instance/select_sqlite.sql");
const ENSURE_POSTGRES: &str = include_str!("instance/ensure_postgres.sql");
const SELECT_POSTGRES: &str = include_str!("instance/select_postgres.sql");

/// Who this database is: the same for all servers on it, another one after it was made anew.
#[derive(Clone)]
pub struct Instance {
    id: Uuid,
    secret: Vec<u8>,
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Instance {
    /// A key for one purpose, derived from the configured secret, or from the database's own where none is configured.
    ///
    /// `context` names program, date and purpose, as BLAKE3's key derivation asks for.
    #[must_use]
    pub fn derive_key(&self, context: &str) -> [u8; 32] {
        blake3::derive_key(context, &self.secret)
    }
}

impl Store {
    /// Reads the instance, making it up at the first start. Needs the `store` schema.
    ///
    /// # Errors
    /// The database's own.
    pub(crate) async fn read_instance(&self) -> Result<Instance, StoreError> {
        let secret: [u8; 32] = self.entropy().bytes();
        let ids = Ids::new(self.clock().clone(), Entropy::system());
        let (id, stored) = match self.backend() {
            Backend::Sqlite(sqlite) => ensure_sqlite(sqlite, ids.next(), secret).await?,
            Backend::Postgres(postgres) => ensure_postgres(postgres, ids.next(), secret).await?,
        };
        let secret = self.config().secret.clone().unwrap_or(stored);
        Ok(Instance { id, secret })
    }

    /// The database's incarnation: it changes when versions may have gone back (another database, a failover, a restore
    /// to an earlier point of a PostgreSQL cluster). Part of every `ETag`.
    #[must_use]
    pub fn incarnation(&self) -> u64 {
        let id = self.instance().id.as_u128();
        let lineage = match self.backend() {
            Backend::Sqlite(_) => 0,
            Backend::Postgres(postgres) => postgres.lineage(),
        };
        #[expect(clippy::cast_possible_truncation, reason = "both halves go in")]
        let folded = (id as u64) ^ ((id >> 64) as u64);
        folded ^ lineage
    }
}

async fn ensure_sqlite(
    sqlite: &Sqlite,
    id: Uuid,
    secret: [u8; 32],
) -> Result<(Uuid, Vec<u8>), StoreError> {
    let found = sqlite.read("instance", select_sqlite).await?;
    if let Some(found) = found {
        return Ok(found);
    }
    let write = move |connection: &rusqlite::Connection| {
        connection.execute(ENSURE_SQLITE, (id.as_bytes(), secret))?;
        select_sqlite(connection)?.ok_or_else(|| StoreError::Corrupt("no instance".to_owned()))
    };
    sqlite.write("instance", write).await
}

fn select_sqlite(connection: &rusqlite::Connection) -> Result<Option<(Uuid, Vec<u8>)>, StoreError> {
    use rusqlite::OptionalExtension as _;
    let row = connection
        .query_row(SELECT_SQLITE, [], |row| {
            Ok((row.get::<_, [u8; 16]>(0)?, row.get(1)?))
        })
        .optional()?;
    Ok(row.map(|(id, secret)| (Uuid::from_bytes(id), secret)))
}

async fn ensure_postgres(
    postgres: &Postgres,
    id: Uuid,
    secret: [u8; 32],
) -> Result<(Uuid, Vec<u8>), StoreError> {
    let pool = postgres.pool();
    let ensured = sqlx::query(ENSURE_POSTGRES)
        .bind(id)
        .bind(secret.as_slice())
        .execute(pool)
        .await;
    ensured.map_err(StoreError::of_commit)?;
    Ok(sqlx::query_as(SELECT_POSTGRES).fetch_one(pool).await?)
}
