//! Pictures: taken from uploads, rendered by jobs in a process of their own, given up, removed and collected.
//!
//! What is promised: a picture that was acknowledged ends `ready` or `failed`, whatever dies meanwhile. Its row and its job are
//! written in one transaction, after its bytes. Renditions are referred to before they are put, by who holds the job's lease, and
//! shown when the job is completed, in one transaction as well. A job that is given up is found by the sweep.

mod child;
pub(crate) mod leftovers;
pub(crate) mod render;
pub(crate) mod sandbox;
pub(crate) mod sweep;
mod upload;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use stanchion_catalog::Catalog;
use stanchion_jobs::Jobs;
use stanchion_kernel::{Clock, Ids};
use stanchion_media::{Encoding, Key, Pipeline};
use stanchion_store::objects::{NotAKey, ObjectKey, Objects};
use stanchion_store::{Store, StoreError};

/// How pictures are treated.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// What is accepted, and what is made of it.
    pub(crate) pipeline: Pipeline,
    /// What it is rendered as, the first one first.
    pub(crate) encodings: Vec<Encoding>,
    /// Where uploads and renditions lie while they are worked on.
    pub(crate) folder: PathBuf,
    /// The longest that an upload may take.
    pub(crate) upload_within: Duration,
    /// The longest that the process may take that renders.
    pub(crate) render_within: Duration,
    /// Pictures of a product.
    pub(crate) max_per_product: usize,
    /// How long an object is kept that nobody refers to.
    pub(crate) grace: Duration,
}

/// Everything that pictures need. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Gallery(Arc<Parts>);

#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) catalog: Catalog,
    pub(crate) jobs: Jobs,
    pub(crate) objects: Objects,
    pub(crate) ids: Ids,
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
}

impl Gallery {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl std::ops::Deref for Gallery {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// Where an object of pictures is stored.
fn object(key: Key) -> Result<ObjectKey, StoreError> {
    let parsed = key.to_string().parse();
    parsed.map_err(|error: NotAKey| StoreError::Corrupt(error.to_string()))
}
