//! How a picture comes in, and how it goes.

use std::io::Write as _;
use std::path::Path;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use metrics::counter;
use stanchion_catalog::NewPicture;
use stanchion_http::{PictureBytes, Pictures, Problem, ProblemKind, TakenPicture, UploadBounds};
use stanchion_jobs::{JobId, Traceparent};
use stanchion_kernel::Uuid;
use stanchion_media::{
    ContentHash, Extent, Hasher, Key, MediaError, PREFIX_BYTES, Pipeline, Probed, Refusal,
};
use stanchion_store::objects::{Found, ObjectKey, Objects, ObjectsError, Wanted};
use tempfile::NamedTempFile;

use super::leftovers::UPLOAD;
use super::render::render_job;
use super::{Gallery, object};

/// An upload that is on the disk.
struct Received {
    file: NamedTempFile,
    hash: ContentHash,
    bytes: u64,
    probed: Probed,
}

#[async_trait]
impl Pictures for Gallery {
    fn bounds(&self) -> UploadBounds {
        UploadBounds {
            max_bytes: self.settings.pipeline.caps.bytes,
            within: self.settings.upload_within,
        }
    }

    async fn take(
        &self,
        product: Uuid,
        bytes: PictureBytes,
        trace: Option<Traceparent>,
    ) -> Result<TakenPicture, Problem> {
        let taken = self.take_in(product, bytes, trace).await;
        let outcome = taken
            .as_ref()
            .map_or_else(|problem| problem.kind().name(), |_| "taken");
        counter!("stanchion_pictures_uploads_total", "outcome" => outcome).increment(1);
        taken
    }

    async fn remove(&self, image: Uuid) -> Result<(), Problem> {
        let mut tx = self.store.begin().await?;
        self.catalog.remove_picture(Some(&mut tx), image).await?;
        Objects::release(&mut tx, image).await?;
        tx.commit().await?;
        // A job that runs finds no picture any more, and neither does one that could not be cancelled.
        if let Err(error) = self.jobs.cancel(JobId(image)).await {
            tracing::debug!(%error, %image, "the job of a removed picture was not cancelled");
        }
        Ok(())
    }

    async fn rendition(&self, key: &str, wanted: Wanted) -> Result<Found, Problem> {
        let not_found = || Problem::new(ProblemKind::NotFound);
        let key: Key = key.parse().map_err(|_| not_found())?;
        if !key.is_public() {
            return Err(not_found());
        }
        let found = self.objects.get(&object(key)?, wanted).await;
        found.map_err(|error| refused(&error))
    }
}

impl Gallery {
    async fn take_in(
        &self,
        product: Uuid,
        bytes: PictureBytes,
        trace: Option<Traceparent>,
    ) -> Result<TakenPicture, Problem> {
        // Before the bytes are taken: who names no product need not send them all.
        if self.catalog.product(product).await?.is_none() {
            return Err(ProblemKind::NotFound.into());
        }
        let received = self.receive(bytes).await?;
        let key = object(Key::Original(received.hash))?;
        self.objects.stage(&key).await?;
        let put = self.objects.put_file(&key, received.file.path()).await;
        put.map_err(|error| refused(&error))?;
        let image = self.record(product, &received, &key, trace).await?;
        Ok(TakenPicture { image, job: image })
    }

    /// The picture's row, the reference to its bytes and its job are written together. The job has the picture's id.
    async fn record(
        &self,
        product: Uuid,
        received: &Received,
        key: &ObjectKey,
        trace: Option<Traceparent>,
    ) -> Result<Uuid, Problem> {
        let id = self.ids.next();
        let new = NewPicture {
            id,
            product_id: product,
            content_hash: *received.hash.as_bytes(),
            media_type: received.probed.format.media_type().to_owned(),
            bytes: i64::try_from(received.bytes).unwrap_or(i64::MAX),
            width: received.probed.upright().width.into(),
            height: received.probed.upright().height.into(),
        };
        let mut tx = self.store.begin().await?;
        let added = self.catalog.add_picture(Some(&mut tx), new).await?;
        if added.id == id {
            let most = self.settings.max_per_product;
            if added.product.images.len() > most {
                tx.rollback().await?;
                return Err(Problem::new(ProblemKind::TooManyPictures).with("max_pictures", most));
            }
            if !Objects::adopt(&mut tx, id, key).await? {
                tx.rollback().await?;
                return Err(Problem::new(ProblemKind::Unavailable)
                    .detail("the picture was collected before it was recorded; send it again"));
            }
            let job = render_job(self, id, received.hash, trace)?;
            self.jobs.enqueue_all(Some(&mut tx), vec![job]).await?;
        }
        tx.commit().await?;
        Ok(added.id)
    }

    /// Writes an upload to the disk while it is hashed and looked at. Never is the whole of it in memory.
    async fn receive(&self, mut bytes: PictureBytes) -> Result<Received, Problem> {
        let pipeline = &self.settings.pipeline;
        let mut file = create(&self.settings.folder).await?;
        let mut hasher = Hasher::default();
        let mut prefix = Vec::new();
        let (mut length, mut early) = (0_u64, None);
        while let Some(piece) = bytes.next().await {
            let piece = piece?;
            length += piece.len() as u64;
            if length > pipeline.caps.bytes {
                let too_many = MediaError::TooManyBytes {
                    cap_bytes: pipeline.caps.bytes,
                };
                return Err(unfit(&too_many));
            }
            hasher.update(&piece);
            let room = PREFIX_BYTES.saturating_sub(prefix.len());
            prefix.extend_from_slice(&piece[..room.min(piece.len())]);
            if early.is_none() && prefix.len() == PREFIX_BYTES {
                early = Some(probe(pipeline, &prefix, Extent::Prefix)?);
            }
            file = write(file, piece).await?;
        }
        let probed = match early {
            Some(probed) => probed,
            None => probe(pipeline, &prefix, Extent::Whole)?,
        };
        Ok(Received {
            file,
            hash: hasher.finish(),
            bytes: length,
            probed,
        })
    }
}

fn probe(pipeline: &Pipeline, bytes: &[u8], extent: Extent) -> Result<Probed, Problem> {
    pipeline.probe(bytes, extent).map_err(|error| unfit(&error))
}

async fn create(folder: &Path) -> Result<NamedTempFile, Problem> {
    let folder = folder.to_owned();
    let created =
        tokio::task::spawn_blocking(move || NamedTempFile::with_prefix_in(UPLOAD, folder));
    created
        .await
        .map_err(std::io::Error::other)
        .flatten()
        .map_err(|error| no_room(&error))
}

async fn write(mut file: NamedTempFile, piece: Bytes) -> Result<NamedTempFile, Problem> {
    let written = tokio::task::spawn_blocking(move || file.write_all(&piece).map(|()| file));
    written
        .await
        .map_err(std::io::Error::other)
        .flatten()
        .map_err(|error| no_room(&error))
}

/// A disk that does not take the upload.
fn no_room(error: &std::io::Error) -> Problem {
    tracing::warn!(%error, "an upload could not be written");
    let kind = match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            ProblemKind::StorageFull
        }
        _ => ProblemKind::Unavailable,
    };
    Problem::new(kind)
}

/// Why a picture is refused.
fn unfit(error: &MediaError) -> Problem {
    let kind = match error.refusal() {
        Refusal::TooLarge => ProblemKind::PayloadTooLarge,
        Refusal::UnsupportedType => ProblemKind::UnsupportedMediaType,
        Refusal::Unprocessable => ProblemKind::BadPicture,
        Refusal::Internal => {
            tracing::error!(%error, "a picture could not be looked at");
            return ProblemKind::Internal.into();
        }
    };
    Problem::new(kind).detail(error.to_string())
}

/// What a client is told of the object store.
fn refused(error: &ObjectsError) -> Problem {
    let kind = match error {
        ObjectsError::NotFound => ProblemKind::NotFound,
        ObjectsError::Range { bytes } => {
            return Problem::new(ProblemKind::RangeNotSatisfiable).complete_bytes(*bytes);
        }
        ObjectsError::File(error) => return no_room(error),
        _ => ProblemKind::Unavailable,
    };
    if kind == ProblemKind::Unavailable {
        tracing::warn!(%error, "the object store failed a request");
    }
    Problem::new(kind)
}
