//! Pictures: what the surface needs of whoever takes, keeps and renders them.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use stanchion_jobs::Traceparent;
use stanchion_kernel::Uuid;
use stanchion_store::objects::{Found, Wanted};

use crate::problem::{Problem, ProblemKind};

/// The bytes of a picture as they arrive; a problem is why the rest does not.
pub type PictureBytes = BoxStream<'static, Result<Bytes, Problem>>;

/// What an upload may be at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadBounds {
    /// Its bytes.
    pub max_bytes: u64,
    /// How long it may take altogether.
    pub within: Duration,
}

/// A picture that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakenPicture {
    /// The picture.
    pub image: Uuid,
    /// The job that renders it.
    pub job: Uuid,
}

/// Takes pictures, and has what they were rendered to.
#[async_trait]
pub trait Pictures: Send + Sync {
    /// What an upload may be.
    fn bounds(&self) -> UploadBounds;

    /// Takes a picture of a product; the same bytes are the same picture. Once it is acknowledged, it will be rendered or found
    /// to have failed.
    ///
    /// # Errors
    /// `not-found` without such a product, `too-many-pictures`, `payload-too-large`, `unsupported-media-type`, `bad-picture`; the problem of the
    /// bytes; that of a part that does not serve.
    async fn take(
        &self,
        product: Uuid,
        bytes: PictureBytes,
        trace: Option<Traceparent>,
    ) -> Result<TakenPicture, Problem>;

    /// Removes a picture. What it was rendered to is served until it is collected.
    ///
    /// # Errors
    /// `not-found`; that of a part that does not serve.
    async fn remove(&self, image: Uuid) -> Result<(), Problem>;

    /// Reads a rendition. Originals are not given out: they may tell where they were taken.
    ///
    /// # Errors
    /// `not-found`; `range-not-satisfiable`, with how many bytes there are; that of a part that does not serve.
    async fn rendition(&self, key: &str, wanted: Wanted) -> Result<Found, Problem>;
}

/// Keeps no pictures, for a host that has none: nothing is found, and nothing taken.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPictures;

#[async_trait]
impl Pictures for NoPictures {
    fn bounds(&self) -> UploadBounds {
        UploadBounds {
            max_bytes: 0,
            within: Duration::from_secs(10),
        }
    }

    async fn take(
        &self,
        _: Uuid,
        _: PictureBytes,
        _: Option<Traceparent>,
    ) -> Result<TakenPicture, Problem> {
        Err(ProblemKind::NotFound.into())
    }

    async fn remove(&self, _: Uuid) -> Result<(), Problem> {
        Err(ProblemKind::NotFound.into())
    }

    async fn rendition(&self, _: &str, _: Wanted) -> Result<Found, Problem> {
        Err(ProblemKind::NotFound.into())
    }
}
