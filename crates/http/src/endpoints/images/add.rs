use axum::Json;
use axum::extract::{Extension, Request, State};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use futures_util::{StreamExt as _, stream};
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
/// What a form may have beside the picture, in bytes.
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
    /// The picture; other parts do not matter.
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
    let mut form = Multipart::with_constraints(body.pieces(), boundary, constraints);
    while let Some(part) = form
        .next_field()
        .await
        .map_err(|error| told(error, bounds))?
    {
        if part.name() == Some(PART) {
            let bytes = stream::unfold(part, move |mut part| async move {
                let piece = part.chunk().await.map_err(|error| told(error, bounds));
                Some((piece.transpose()?, part))
            });
            return Ok(bytes.boxed());
        }
    }
    Err(malformed("the form has no part `file`"))
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
