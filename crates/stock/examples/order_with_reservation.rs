//! An order and its pieces stand or fall together: both are written in one transaction of the host's own.
//!
//! `cargo run -p stanchion-stock --example order_with_reservation`

use rusqlite::Connection;
use stanchion_kernel::{Clock, Entropy, Ids, Uuid};
use stanchion_stock::{Adjust, Lines, Reserve, Stock, StockConfig, StockError};
use stanchion_store::{Store, StoreConfig, StoreError, Tx, TxKind};

const ORDERS: &str = "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT NOT NULL, reservation BLOB NOT NULL)";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let folder = tempfile::tempdir()?;
    let url = format!("sqlite:{}", folder.path().join("shop.db").display());
    let store = Store::open(StoreConfig::new(url), clock.clone(), entropy.clone()).await?;
    let tables = [stanchion_store::MIGRATIONS, stanchion_stock::MIGRATIONS];
    store.migrate(&tables).await?;
    store.ready().await?;
    let ids = Ids::new(clock.clone(), entropy.clone());
    let stock = Stock::new(&store, ids, clock, entropy, StockConfig::default());
    let received = Adjust {
        sku: "TENT-1".to_owned(),
        delta: 3,
        ..Adjust::default()
    };
    stock.adjust(received, None).await?;
    let mut tx = store.begin().await?;
    write(&mut tx, |connection| Ok(connection.execute(ORDERS, [])?)).await?;
    tx.commit().await?;

    order(&store, &stock, "Ada", 2).await?;
    let refused = order(&store, &stock, "Ben", 2).await;
    assert!(matches!(refused, Err(StockError::Refused(_))));

    // Ada's order is there, Ben's is not: deleting all of them says how many there were.
    let mut tx = store.begin().await?;
    let deleted = write(&mut tx, |connection| {
        Ok(connection.execute("DELETE FROM orders", [])?)
    });
    assert_eq!(deleted.await?, 1);
    tx.rollback().await?;
    let row = stock.row("TENT-1").await?.ok_or("no row")?;
    assert_eq!((row.on_hand, row.reserved), (3, 2));
    Ok(())
}

/// Holds the pieces and writes the order. When either fails, the transaction is dropped, and nothing of it remains.
async fn order(
    store: &Store,
    stock: &Stock,
    customer: &'static str,
    pieces: i64,
) -> Result<Uuid, StockError> {
    let lines = Lines::one("TENT-1", pieces).map_err(stanchion_stock::Invalid::from)?;
    let reserve = Reserve {
        lines,
        ttl: None,
        key: None,
    };
    let mut tx = store.begin().await?;
    let held = stock.reserve_in(&mut tx, reserve).await?;
    let id = held.id;
    write(&mut tx, move |connection| {
        let sql = "INSERT INTO orders (customer, reservation) VALUES (?1, ?2)";
        Ok(connection.execute(sql, (customer, id.as_bytes()))?)
    })
    .await?;
    tx.commit().await?;
    Ok(id)
}

/// A statement of the host in the transaction; on PostgreSQL it would be one of sqlx.
async fn write<F>(tx: &mut Tx, step: F) -> Result<usize, StoreError>
where
    F: FnOnce(&Connection) -> Result<usize, StoreError> + Send + 'static,
{
    match tx.kind() {
        TxKind::Sqlite(tx, _) => tx.run(step).await,
        TxKind::Postgres(_) => Err(StoreError::Config("this example runs on SQLite".to_owned())),
    }
}
