//! The demo's pictures: generated, and taken in by the way that every picture takes.

use std::collections::HashSet;

use anyhow::Context as _;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use stanchion_catalog::{ListQuery, MAX_LIMIT, Product, Status};
use stanchion_http::Pictures as _;
use stanchion_media::demo::picture;

use crate::demo;
use crate::pictures::Gallery;

/// Products that get a picture: the first that a list shows.
const PICTURED: usize = 240;

/// Gives the newest products of the demo a picture each. Those that were ever changed are left alone, so that what a stop cut
/// off goes on with the next start, and what was removed stays away.
pub(crate) async fn add(gallery: Gallery) {
    match fill(&gallery).await {
        Ok(0) => {}
        Ok(pictures) => tracing::info!(pictures, "the demo's pictures were taken in"),
        Err(error) => tracing::warn!(error = format!("{error:#}"), "the demo lacks pictures"),
    }
}

async fn fill(gallery: &Gallery) -> anyhow::Result<usize> {
    let mut added = 0;
    for (product, seed) in newest(gallery).await?.into_iter().zip(demo::SEED..) {
        if product.version > 1 {
            continue;
        }
        let category = product.category;
        let bytes = tokio::task::spawn_blocking(move || picture(seed, &category)).await??;
        let bytes = stream::iter([Ok(Bytes::from(bytes))]).boxed();
        let taken = gallery.take(product.id, bytes, None).await;
        if let Err(problem) = taken {
            anyhow::bail!("a picture was refused: {problem:?}");
        }
        added += 1;
    }
    Ok(added)
}

/// The newest products, as far as they are the demo's.
async fn newest(gallery: &Gallery) -> anyhow::Result<Vec<Product>> {
    let ours: HashSet<_> = demo::products(demo::SEED, demo::PRODUCTS)
        .map(|product| product.sku)
        .collect();
    let mut found = Vec::new();
    let mut query = ListQuery {
        statuses: vec![Status::Active],
        limit: Some(MAX_LIMIT),
        ..ListQuery::default()
    };
    loop {
        let page = gallery
            .catalog
            .list(&query)
            .await
            .context("cannot list the demo")?;
        let demo = page
            .items
            .into_iter()
            .filter(|product| ours.contains(&product.sku));
        found.extend(demo);
        query.cursor = page.next_cursor;
        if found.len() >= PICTURED || query.cursor.is_none() {
            found.truncate(PICTURED);
            return Ok(found);
        }
    }
}
