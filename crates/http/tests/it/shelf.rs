//! Pictures without any: one rendition of so many zeros.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use stanchion_http::{PictureBytes, Pictures, Problem, ProblemKind, TakenPicture, UploadBounds};
use stanchion_jobs::Traceparent;
use stanchion_kernel::Uuid;
use stanchion_store::objects::{Found, ObjectsError, Wanted};

use crate::world::SOON;

/// Where its rendition is.
pub(crate) const RENDITION: &str = "/media/r-1.jpg";
/// The tag of it.
pub(crate) const TAG: &str = "\"r-1.jpg\"";

static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// Has that rendition alone, and takes nothing.
pub(crate) struct Shelf {
    /// The size of it.
    pub(crate) bytes: u64,
}

#[async_trait]
impl Pictures for Shelf {
    fn bounds(&self) -> UploadBounds {
        UploadBounds {
            max_bytes: 0,
            within: SOON,
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

    async fn rendition(&self, key: &str, wanted: Wanted) -> Result<Found, Problem> {
        if !RENDITION.ends_with(&format!("/{key}")) {
            return Err(ProblemKind::NotFound.into());
        }
        let bytes = self.bytes;
        let range = match wanted {
            Wanted::All => 0..bytes,
            Wanted::Between(from, to) => from..to.min(bytes),
            Wanted::From(from) => from..bytes,
            Wanted::Last(count) => bytes.saturating_sub(count)..bytes,
        };
        if range.is_empty() {
            let problem = Problem::new(ProblemKind::RangeNotSatisfiable);
            return Err(problem.complete_bytes(bytes));
        }
        Ok(Found {
            bytes,
            stream: zeros(range.end - range.start),
            range,
        })
    }
}

fn zeros(count: u64) -> BoxStream<'static, Result<Bytes, ObjectsError>> {
    stream::unfold(count, |left| async move {
        let length = usize::try_from(left).map_or(ZEROS.len(), |left| left.min(ZEROS.len()));
        let piece = Bytes::from_static(&ZEROS[..length]);
        (length > 0).then(|| (Ok(piece), left - length as u64))
    })
    .boxed()
}
