//! Pictures: their settings, where they are stored, and where they meet the jobs.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use stanchion_catalog::Catalog;
use stanchion_jobs::Jobs;
use stanchion_media::{Caps, Encoding, Pipeline, Recipe};
use stanchion_store::Store;
use stanchion_store::objects::Objects;

use crate::commands::Session;
use crate::config::MediaSection;
use crate::pictures::{Gallery, Parts, Settings};

/// Whether pictures can be kept where the settings say, as far as that is known without a start.
pub(crate) fn check(session: &Session) -> anyhow::Result<()> {
    let section = &session.config.media;
    settings(section, folder(section))?;
    let checked = Objects::check(section.store.reveal(), &variables());
    checked.with_context(|| format!("cannot open {}", section.store))
}

/// The pictures of a store.
pub(crate) fn open(session: &Session, store: &Store, jobs: &Jobs) -> anyhow::Result<Gallery> {
    let section = &session.config.media;
    let objects = Objects::open(store, section.store.reveal(), &variables());
    let objects = objects.with_context(|| format!("cannot open {}", section.store))?;
    let folder = folder(section);
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make `media.folder`, {}", folder.display()))?;
    Ok(Gallery::new(Parts {
        store: store.clone(),
        catalog: Catalog::new(store, session.ids.clone()),
        jobs: jobs.clone(),
        objects,
        ids: session.ids.clone(),
        clock: session.clock.clone(),
        settings: settings(section, folder)?,
    }))
}

/// What the environment says of a cloud.
fn variables() -> Vec<(String, String)> {
    let variables = std::env::vars_os();
    let read = |(name, value): (OsString, OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    variables.filter_map(read).collect()
}

fn folder(section: &MediaSection) -> PathBuf {
    section.folder.clone().unwrap_or_else(std::env::temp_dir)
}

fn settings(section: &MediaSection, folder: PathBuf) -> anyhow::Result<Settings> {
    let caps = Caps {
        bytes: section.max_bytes,
        pixels: section.max_pixels,
        ..Caps::default()
    };
    let recipe = Recipe {
        jpeg_quality: section.jpeg_quality,
        webp_quality: section.webp_quality,
        light: section.light,
        ..Recipe::default()
    };
    recipe.check().context("`[media]` makes no recipe")?;
    let encodings = Encoding::ALL.into_iter();
    let encodings = encodings.filter(|encoding| section.webp || *encoding == Encoding::Jpeg);
    Ok(Settings {
        pipeline: Pipeline { caps, recipe },
        encodings: encodings.collect(),
        folder,
        upload_within: Duration::from_millis(section.upload_timeout_ms),
        render_within: Duration::from_millis(section.render_timeout_ms),
        max_per_product: section.max_per_product,
        grace: Duration::from_secs(section.collect_grace_seconds),
    })
}
