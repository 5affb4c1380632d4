use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Json;
use axum::extract::{Extension, Request, State};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use multer::{Constraints, Multipart, SizeLimit};
use serde::Serialize;
use stanchion_jobs::Traceparent;
use stanchion_kernel::Uuid;
use utoipa::ToSchema;

use crate::app::App;
use crate::body::{self, Carried, Drainable};
use crate::describe::PictureProblems;
use crate::extract::{Id, media_type};
use crate::pictures::{PictureBytes, UploadBounds};
use crate::problem::{Problem, ProblemKind};
use crate::trace_context::TraceText;

/// What is still read of a body that is refused, in bytes.
const DRAINED_BYTES: u64 = 4 << 20;
/// What a form may have before the picture, and what it may have beside it, in bytes.
const FORM_BYTES: u64 = 64 << 10;
/// The part of a form that is the picture.
const PART: &str = "file";

/// The bytes of a picture. No schema of JSON can say more of them.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "it stands for bytes in the document")]
pub(crate) struct PictureFile(Vec<u8>);

/// A form with a picture.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it stands for a form in the document")]
pub(crate) struct PictureForm {
    /// The picture; other parts do not matter. What comes before it may have 64 KiB.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// A picture that was taken and is to be rendered.
#[derive(Serialize, ToSchema)]
pub(crate) struct TakenImage {
    /// The picture.
    image_id: Uuid,
    /// The job that renders it.
    job_id: Uuid,
}

/// Add a picture to a product
///
/// JPEG, PNG, WebP or GIF, which its bytes decide and neither its name nor its declared type, as the body itself or as the part
/// `file` of a form. It is rendered in the background, as JPEG first. The same bytes are the same picture: sending them again
/// changes nothing and is answered alike.
#[utoipa::path(post, path = "/v1/products/{id}/images", tag = "pictures",
    params(("id" = stanchion_kernel::Uuid, Path, description = "The product")),
    request_body(
        content(
            (PictureFile = "image/jpeg"), (PictureFile = "image/png"), (PictureFile = "image/webp"), (PictureFile = "image/gif"),
            (PictureFile = "application/octet-stream"), (PictureForm = "multipart/form-data"),
        ),
        description = "The picture",
    ),
    responses(
        (status = 202, description = "It is taken and will be rendered", body = TakenImage, headers(
            ("Location" = String, description = "Where it is"),
        )),
        PictureProblems,
    ))]
pub(crate) async fn add_image(
    State(app): State<App>,
    Id(product): Id,
    trace: Option<Extension<TraceText>>,
    request: Request,
) -> Result<Response, Problem> {
    let bounds = app.pictures.bounds();
    let trace = trace.and_then(|trace| Traceparent::new(trace.text()).ok());
    let (parts, body) = request.into_parts();
    let body = Drainable::new(body, app.body_limits.read_timeout);
    let taking = async {
        let taken = async {
            let bytes = picture(&parts.headers, &body, bounds).await?;
            app.pictures.take(product, bytes, trace).await
        };
        let taken = taken.await;
        if taken.is_err() {
            body.drain(DRAINED_BYTES).await;
        }
        taken
    };
    let taken = tokio::time::timeout(bounds.within, taking).await;
    let taken = taken.map_err(|_| Problem::new(ProblemKind::RequestTimeout))??;
    let location = format!("/v1/images/{}", taken.image);
    let view = TakenImage {
        image_id: taken.image,
        job_id: taken.job,
    };
    Ok((StatusCode::ACCEPTED, [(LOCATION, location)], Json(view)).into_response())
}

/// The bytes of the picture, wherever they are in the body.
async fn picture(
    headers: &HeaderMap,
    body: &Drainable,
    bounds: UploadBounds,
) -> Result<PictureBytes, Problem> {
    let (kind, _) = media_type(headers);
    if kind == "multipart/form-data" {
        return form(headers, body, bounds).await;
    }
    // What a client that knows no better sends is taken as bytes; what says that it is something else is refused.
    if !(kind.starts_with("image/") || kind == "application/octet-stream" || kind.is_empty()) {
        return Err(Problem::new(ProblemKind::UnsupportedMediaType)
            .detail("send the picture itself as `image/…`, or a form as `multipart/form-data`"));
    }
    if body::announced(headers).is_some_and(|bytes| bytes > bounds.max_bytes) {
        return Err(too_large(bounds));
    }
    Ok(body
        .pieces()
        .map(|piece| piece.map_err(|Carried(problem)| problem))
        .boxed())
}

/// The part of a form that is the picture.
async fn form(
    headers: &HeaderMap,
    body: &Drainable,
    bounds: UploadBounds,
) -> Result<PictureBytes, Problem> {
    let boundary = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| multer::parse_boundary(kind.to_str().ok()?).ok())
        .ok_or_else(|| malformed("the form names no boundary"))?;
    let most = SizeLimit::new().whole_stream(bounds.max_bytes.saturating_add(FORM_BYTES));
    let constraints = Constraints::new().size_limit(most);
    let is_found = Arc::new(AtomicBool::new(false));
    let pieces = searched(body, Arc::clone(&is_found));
    let mut form = Multipart::with_constraints(pieces, boundary, constraints);
    while let Some(part) = form
        .next_field()
        .await
        .map_err(|error| told(error, bounds))?
    {
        if part.name() == Some(PART) {
            is_found.store(true, Ordering::Release);
            let bytes = stream::unfold(part, move |mut part| async move {
                let piece = part.chunk().await.map_err(|error| told(error, bounds));
                Some((piece.transpose()?, part))
            });
            return Ok(bytes.boxed());
        }
    }
    Err(malformed("the form has no part `file`"))
}

/// The pieces of a form, which end with a problem when the picture is not found in time: until then all that came is kept, and is
/// searched from its start at every piece.
fn searched(
    body: &Drainable,
    is_found: Arc<AtomicBool>,
) -> impl Stream<Item = Result<Bytes, Carried>> + Send + use<> {
    let start = (body.pieces().boxed(), 0_u64, [0_u64; 2]);
    stream::unfold(start, move |(mut pieces, searched, recent)| {
        let is_found = Arc::clone(&is_found);
        async move {
            // Pieces that are there at once would all be taken before any of them is searched. Now at most the last two are not.
            if !is_found.load(Ordering::Acquire) {
                tokio::task::yield_now().await;
            }
            if searched > FORM_BYTES && !is_found.load(Ordering::Acquire) {
                let what = format!("the form has no part `file` in its first {FORM_BYTES} bytes");
                return Some((Err(Carried(malformed(&what))), (pieces, searched, recent)));
            }
            let piece = pieces.next().await?;
            let bytes = piece.as_ref().map_or(0, |piece| piece.len() as u64);
            let [before, last] = recent;
            Some((piece, (pieces, searched + before, [last, bytes])))
        }
    })
}

fn told(error: multer::Error, bounds: UploadBounds) -> Problem {
    match error {
        multer::Error::StreamSizeExceeded { .. } | multer::Error::FieldSizeExceeded { .. } => {
            too_large(bounds)
        }
        multer::Error::StreamReadFailed(error) => match error.downcast::<Carried>() {
            Ok(carried) => carried.0,
            Err(_) => malformed("the form cannot be read"),
        },
        error => malformed(&error.to_string()),
    }
}

fn malformed(what: &str) -> Problem {
    Problem::new(ProblemKind::BadRequest).detail(what)
}

fn too_large(bounds: UploadBounds) -> Problem {
    Problem::new(ProblemKind::PayloadTooLarge).with("max_bytes", bounds.max_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::HeaderValue;
    use futures_util::TryStreamExt as _;
    use std::convert::Infallible;
    use std::sync::atomic::AtomicU64;
    use std::time::Duration;

    const SOON: Duration = Duration::from_secs(10);
    const BOUNDS: UploadBounds = UploadBounds {
        max_bytes: 8 << 20,
        within: SOON,
    };

    /// What is found in a form whose pieces are all there at once, and how many of its bytes were read.
    async fn found(whole: &[u8], piece_bytes: usize) -> (Result<Vec<u8>, ProblemKind>, u64) {
        let kind = HeaderValue::from_static("multipart/form-data; boundary=border");
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, kind)]);
        let read = Arc::new(AtomicU64::new(0));
        let pieces: Vec<Bytes> = whole
            .chunks(piece_bytes)
            .map(Bytes::copy_from_slice)
            .collect();
        let pieces = stream::iter(pieces).map({
            let read = Arc::clone(&read);
            move |piece: Bytes| {
                read.fetch_add(piece.len() as u64, Ordering::Relaxed);
                Ok::<_, Infallible>(piece)
            }
        });
        let body = Drainable::new(Body::from_stream(pieces), SOON);
        let taken = match form(&headers, &body, BOUNDS).await {
            Ok(picture) => picture.try_collect::<Vec<Bytes>>().await,
            Err(problem) => Err(problem),
        };
        let taken = taken.map(|pieces| pieces.concat());
        let taken = taken.map_err(|problem| problem.kind());
        (taken, read.load(Ordering::Relaxed))
    }

    fn part(name: &str, content: &[u8]) -> Vec<u8> {
        let head = format!("--border\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n");
        [head.as_bytes(), content, b"\r\n"].concat()
    }

    #[tokio::test]
    async fn a_picture_is_found_behind_small_fields_however_its_form_comes() {
        let picture: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
        let title = part("title", &[b'a'; 40_000]);
        let whole = [title, part("file", &picture), b"--border--\r\n".to_vec()].concat();
        for piece_bytes in [100, 16 << 10, 64 << 10, 100_000, whole.len()] {
            let (found, _) = found(&whole, piece_bytes).await;
            assert!(
                found.is_ok_and(|found| found == picture),
                "in pieces of {piece_bytes} bytes"
            );
        }
    }

    #[tokio::test]
    async fn a_form_that_hides_its_picture_is_not_read_to_its_end() {
        let filler = vec![b'a'; 4 << 20];
        for start in [
            "",
            "--border\r\nx: ",
            "--border\r\ncontent-disposition: form-data; name=\"title\"\r\n\r\n",
        ] {
            let whole = [start.as_bytes(), &filler].concat();
            for piece_bytes in [1_000, 16 << 10] {
                let (found, read) = found(&whole, piece_bytes).await;
                assert_eq!(found.err(), Some(ProblemKind::BadRequest), "{start:?}");
                let most = FORM_BYTES + 4 * piece_bytes as u64;
                assert!(read <= most, "{read} bytes were read: {start:?}");
            }
        }
    }

    #[tokio::test]
    async fn large_fields_before_the_picture_are_refused() {
        let title = part("title", &[b'a'; 200_000]);
        let whole = [title, part("file", b"a picture")].concat();
        let (found, _) = found(&whole, 16 << 10).await;
        assert_eq!(found, Err(ProblemKind::BadRequest));
    }
}
