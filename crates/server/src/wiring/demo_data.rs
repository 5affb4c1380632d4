//! The demo: products in an empty catalogue, and a key to try everything with.

use std::collections::HashSet;

use anyhow::{Context as _, ensure};
use futures_util::stream::{self, StreamExt as _};
use stanchion_catalog::{Catalog, ProductInput, Status};
use stanchion_http::auth::{ApiKey, Scope};
use stanchion_kernel::Entropy;
use stanchion_stock::{Adjust, Refusal, Stock, StockError, Strategy};
use stanchion_store::keys::{Keys, NewKey};

use crate::demo;

/// The name of the demo's keys, by which older ones are found.
const KEY_NAME: &str = "demo admin";
/// Products written in one transaction.
const BATCH: usize = 500;
/// Keys looked at in one query.
const KEYS: u32 = 200;

/// Fills an empty catalogue, or finishes a filling that was cut off; leaves everything else alone.
///
/// A demo key is made only after a whole filling, so that a database with one has its data, whatever was done with it.
pub(crate) async fn fill(catalog: &Catalog, stock: &Stock, keys: &Keys) -> anyhow::Result<()> {
    if !demo_keys(keys).await?.is_empty() || !may_fill(catalog).await? {
        return Ok(());
    }
    let products = demo::products(demo::SEED, demo::PRODUCTS);
    let products: Vec<_> = products
        .map(|product| {
            let input: ProductInput = serde_json::from_value(serde_json::to_value(product)?)?;
            input
                .check()
                .map_err(|errors| anyhow::anyhow!("a demo product is wrong: {errors:?}"))
        })
        .collect::<anyhow::Result<_>>()?;
    for batch in products.chunks(BATCH) {
        catalog
            .upsert(batch.to_vec())
            .await
            .context("cannot fill the demo catalogue")?;
    }
    stock_up(stock, products.iter().map(|product| product.sku.as_str())).await?;
    tracing::info!(products = products.len(), "the demo catalogue was filled");
    Ok(())
}

/// Puts 3 to 202 pieces of each SKU there that never had any.
async fn stock_up(stock: &Stock, skus: impl Iterator<Item = &str>) -> anyhow::Result<()> {
    let amounts = Entropy::seeded(demo::SEED);
    let adjustments = skus.map(|sku| Adjust {
        sku: sku.to_owned(),
        delta: 3 + i64::try_from(amounts.below(200)).unwrap_or_default(),
        reason: Some("the demo's first delivery".to_owned()),
        if_version: Some(0),
        key: None,
    });
    let mut received = stream::iter(adjustments)
        .map(|adjust| stock.adjust(adjust, Some(Strategy::Batched)))
        .buffer_unordered(BATCH);
    while let Some(outcome) = received.next().await {
        match outcome {
            Ok(_) | Err(StockError::Refused(Refusal::VersionConflict { .. })) => {}
            Err(error) => return Err(error).context("cannot fill the demo's stock"),
        }
    }
    Ok(())
}

/// Whether the catalogue is empty, or holds the beginning of a filling and nothing else.
async fn may_fill(catalog: &Catalog) -> anyhow::Result<bool> {
    let ours: HashSet<_> = demo::products(demo::SEED, demo::PRODUCTS)
        .map(|product| product.sku)
        .collect();
    let all = [Status::Draft, Status::Active, Status::Archived];
    let mut chunks = std::pin::pin!(catalog.export(&all));
    let Some(first) = chunks.next().await else {
        return Ok(true);
    };
    for line in first?
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let product: ProductInput = serde_json::from_slice(line)?;
        if !ours.contains(&product.sku) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A new key that allows everything; those of earlier demo starts are revoked.
pub(crate) async fn new_key(keys: &Keys) -> anyhow::Result<ApiKey> {
    for id in demo_keys(keys).await? {
        keys.revoke(id).await?;
    }
    let scopes = Scope::ALL.map(|scope| scope.to_string()).to_vec();
    let new = NewKey {
        name: KEY_NAME.to_owned(),
        scopes,
        expires_in: None,
    };
    let made = keys.create(new).await.context("cannot make a key")?;
    Ok(ApiKey {
        id: made.record.id,
        secret: made.secret,
    })
}

/// The ids of all demo keys, revoked ones too.
async fn demo_keys(keys: &Keys) -> anyhow::Result<Vec<stanchion_kernel::Uuid>> {
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let page = keys.list(before, KEYS).await?;
        found.extend(
            page.iter()
                .filter(|key| key.name == KEY_NAME)
                .map(|key| key.id),
        );
        ensure!(
            found.len() < 10_000,
            "there are too many keys named {KEY_NAME:?}"
        );
        match page.last() {
            Some(last) if page.len() == KEYS as usize => before = Some(last.id),
            _ => return Ok(found),
        }
    }
}
