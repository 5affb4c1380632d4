//! The job that renders a picture.

use std::path::Path;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use metrics::{counter, histogram};
use serde::{Deserialize, Serialize};
use stanchion_catalog::{CatalogError, PictureState, Rendition};
use stanchion_jobs::{
    Context, Failure, Handlers, InputHash, Invalid, Job, JobId, NewJob, Policy, Priority,
    Traceparent, Weight,
};
use stanchion_kernel::Uuid;
use stanchion_media::{ContentHash, Encoding, Key, MemoryCaps, RenderTask};
use stanchion_store::objects::{ObjectKey, Objects, ObjectsError, Wanted};
use tokio::io::AsyncWriteExt as _;
use tokio_util::io::StreamReader;
use tracing::Instrument as _;

use super::child::{self, Made};
use super::leftovers::RENDER;
use super::{Gallery, object};

/// The queue of pictures.
pub(crate) const QUEUE: &str = "pictures";
/// What fetching and storing may take beside the rendering.
pub(super) const TRANSFERS: Duration = Duration::from_secs(90);
/// The priority of what can wait.
const LATER: u8 = 7;

/// Renders a picture in one encoding.
pub(crate) struct Render;

/// A job that would show one picture as another.
#[derive(Debug, thiserror::Error)]
#[error("the original is not that of the picture")]
struct ForeignOriginal;

/// Which picture, and how.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RenderArgs {
    /// The picture.
    pub(crate) picture: Uuid,
    /// What is to be made of it.
    pub(crate) task: RenderTask,
}

impl Job for Render {
    const KIND: &'static str = "picture.render";
    type Args = RenderArgs;

    fn queue() -> &'static str {
        QUEUE
    }

    fn policy() -> Policy {
        Policy {
            max_attempts: 5,
            ..Policy::default()
        }
    }

    fn weight() -> Weight {
        Weight {
            cpu_millis: 1_000,
            memory_bytes: MemoryCaps::default().largest(),
        }
    }

    fn input(args: &RenderArgs) -> Option<InputHash> {
        Some(InputHash(*args.task.original.as_bytes()))
    }
}

/// The first job of a picture. It has the picture's id, so that one leads to the other.
pub(crate) fn render_job(
    gallery: &Gallery,
    picture: Uuid,
    original: ContentHash,
    trace: Option<Traceparent>,
) -> Result<NewJob, Invalid> {
    let first = gallery.settings.encodings.first().copied();
    let job = job(
        gallery,
        picture,
        original,
        first.unwrap_or(Encoding::Jpeg),
        trace,
    )?;
    Ok(NewJob {
        id: JobId(picture),
        ..job
    })
}

fn job(
    gallery: &Gallery,
    picture: Uuid,
    original: ContentHash,
    encoding: Encoding,
    trace: Option<Traceparent>,
) -> Result<NewJob, Invalid> {
    let settings = &gallery.settings;
    let task = RenderTask {
        original,
        encoding,
        recipe: settings.pipeline.recipe.clone(),
    };
    let job = gallery
        .jobs
        .traced::<Render>(&RenderArgs { picture, task }, trace)?;
    Ok(NewJob {
        policy: Policy {
            timeout: settings.render_within.saturating_add(TRANSFERS),
            ..job.policy
        },
        ..job
    })
}

/// The kinds of jobs of pictures.
pub(crate) fn handlers(gallery: Gallery, handlers: Handlers) -> Result<Handlers, Invalid> {
    handlers.with::<Render>(move |args: RenderArgs, context: Context| {
        let gallery = gallery.clone();
        async move {
            let encoding = args.task.encoding.extension();
            let began = gallery.clock.monotonic();
            let rendered = gallery.render(args, &context).await;
            let took = gallery.clock.monotonic().saturating_sub(began);
            let outcome = if rendered.is_ok() { "rendered" } else { "failed" };
            counter!("stanchion_pictures_renders_total", "encoding" => encoding, "outcome" => outcome)
                .increment(1);
            histogram!("stanchion_pictures_render_seconds", "encoding" => encoding).record(took);
            rendered
        }
    })
}

impl Gallery {
    async fn render(&self, args: RenderArgs, context: &Context) -> Result<(), Failure> {
        let RenderArgs { picture, task } = args;
        if !self.is_wanted(picture, task.original).await? {
            return Ok(());
        }
        let folder = tempfile::Builder::new()
            .prefix(RENDER)
            .tempdir_in(&self.settings.folder)?;
        let original = folder.path().join("original");
        let fetching = self.fetch(task.original, &original);
        fetching.instrument(tracing::info_span!("fetch")).await?;
        let making = child::render(&self.settings, &task, folder.path());
        let making = making.instrument(tracing::info_span!("render"));
        let made = tokio::select! {
            made = making => made?,
            // What is dropped kills its process.
            () = context.cancelled() => return Err(Failure::Cancelled),
        };
        let made = named(made, &task)?;
        if !self.refer(picture, &made, context).await? {
            return Ok(());
        }
        let putting = async {
            for (made, key) in &made {
                let file = folder.path().join(&made.file);
                self.objects.put_file(key, &file).await?;
            }
            Ok::<(), ObjectsError>(())
        };
        putting.instrument(tracing::info_span!("put")).await?;
        self.show(picture, made, &task, context).await
    }

    /// Whether the picture is there, with this original. Anybody who may enqueue jobs could name another one, and show it.
    async fn is_wanted(&self, picture: Uuid, original: ContentHash) -> Result<bool, Failure> {
        let mut tx = self.store.begin().await?;
        let original = object(Key::Original(original))?;
        let is_its_own = Objects::refers(&mut tx, picture, &original).await?;
        tx.rollback().await?;
        if is_its_own {
            return Ok(true);
        }
        match self.catalog.product_of_picture(picture).await? {
            Some(_) => Err(Failure::permanent(ForeignOriginal)),
            None => Ok(false),
        }
    }

    /// Reads the original to a file.
    async fn fetch(&self, original: ContentHash, file: &Path) -> Result<(), Failure> {
        let key = object(Key::Original(original))?;
        let found = match self.objects.get(&key, Wanted::All).await {
            Ok(found) => found,
            Err(error @ ObjectsError::NotFound) => return Err(Failure::permanent(error)),
            Err(error) => return Err(error.into()),
        };
        let mut reader = StreamReader::new(found.stream.map_err(std::io::Error::other));
        let mut file = tokio::fs::File::create(file).await?;
        tokio::io::copy(&mut reader, &mut file).await?;
        file.flush().await?;
        Ok(())
    }

    /// Refers to the renditions before they are put, as the holder of the lease. `false`, and the job is done, when the picture
    /// was removed.
    async fn refer(
        &self,
        picture: Uuid,
        made: &[(Made, ObjectKey)],
        context: &Context,
    ) -> Result<bool, Failure> {
        let mut tx = self.store.begin().await?;
        context.hold(&mut tx).await?;
        match self.catalog.lock_picture(&mut tx, picture).await {
            Ok(_) => {
                let keys: Vec<ObjectKey> = made.iter().map(|(_, key)| key.clone()).collect();
                Objects::hold(&mut tx, picture, &keys).await?;
                tx.commit().await?;
                Ok(true)
            }
            Err(CatalogError::NotFound) => {
                context.complete(&mut tx).await?;
                tx.commit().await?;
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Completes the job, shows what it made, and has the next encoding made: all of it or nothing.
    async fn show(
        &self,
        picture: Uuid,
        made: Vec<(Made, ObjectKey)>,
        task: &RenderTask,
        context: &Context,
    ) -> Result<(), Failure> {
        let mut tx = self.store.begin().await?;
        context.complete(&mut tx).await?;
        match self.catalog.lock_picture(&mut tx, picture).await {
            Ok(current) => {
                let renditions = merged(current.renditions, made, task.encoding);
                let ready = PictureState::Ready;
                let settled =
                    self.catalog
                        .settle_picture(Some(&mut tx), picture, ready, renditions);
                settled.await?;
                let follow_up = self.follow_up(picture, task, context)?;
                self.jobs.enqueue_all(Some(&mut tx), follow_up).await?;
            }
            Err(CatalogError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
        tx.commit().await?;
        Ok(())
    }

    /// The job for the encoding behind this one, in the same trace and less urgent.
    fn follow_up(
        &self,
        picture: Uuid,
        task: &RenderTask,
        context: &Context,
    ) -> Result<Vec<NewJob>, Failure> {
        let mut encodings = self.settings.encodings.iter();
        encodings.find(|encoding| **encoding == task.encoding);
        let Some(next) = encodings.next() else {
            return Ok(Vec::new());
        };
        let trace = context.traceparent().cloned();
        let job = job(self, picture, task.original, *next, trace)?;
        Ok(vec![NewJob {
            priority: Priority::new(LATER)?,
            ..job
        }])
    }
}

/// What was made, with the names under which it is stored.
fn named(made: Vec<Made>, task: &RenderTask) -> Result<Vec<(Made, ObjectKey)>, Failure> {
    let name = |made: Made| {
        let key = task.recipe.key(&task.original, &made.rendition);
        Ok((made, object(key)?))
    };
    made.into_iter().map(name).collect()
}

/// The renditions of other encodings, and these: the widest first, JPEG before WebP.
fn merged(
    current: Vec<Rendition>,
    made: Vec<(Made, ObjectKey)>,
    encoding: Encoding,
) -> Vec<Rendition> {
    let format = format(encoding);
    let mut all: Vec<Rendition> = current;
    all.retain(|rendition| rendition.format != format);
    all.extend(made.into_iter().map(|(made, key)| Rendition {
        width: made.rendition.width.into(),
        height: made.rendition.height.into(),
        format: format.to_owned(),
        bytes: i64::try_from(made.bytes).unwrap_or(i64::MAX),
        url: format!("/media/{key}"),
    }));
    all.sort_by(|a, b| (&a.format, b.width).cmp(&(&b.format, a.width)));
    all
}

/// What an encoding is called where pictures are shown.
fn format(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Jpeg => "jpeg",
        Encoding::Webp => "webp",
    }
}
