use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use serde::Serialize;
use serde_json::Value;
use stanchion_catalog::{BadLine, Catalog, ImportError, ImportEvent, ImportFailure, ImportSummary};
use tokio::sync::mpsc;
use tokio_util::io::StreamReader;
use tokio_util::task::AbortOnDropHandle;
use utoipa::ToSchema;

use crate::app::App;
use crate::body::{self, Carried};
use crate::describe::ImportProblems;
use crate::extract::demand_type;
use crate::problem::{Problem, ProblemKind};

/// Events that may wait for a client that reads slowly.
const EVENTS: usize = 64;

/// A line of the answer to an import.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum ImportLine {
    /// A line that was refused.
    Bad(BadLine),
    /// The last line.
    End {
        /// What was imported.
        summary: ImportSummary,
        /// Why the import ended early, as a problem; what was counted stays imported.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<crate::problem::ProblemSchema>)]
        error: Option<Value>,
    },
}

/// A product a line, each as in `ProductInput`. No schema of JSON can say that of a stream.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "it stands for bytes in the document")]
pub(crate) struct FileOfProducts(Vec<u8>);

type Outcome = Result<ImportSummary, ImportError>;

/// Import products
///
/// One JSON object a line. A product whose SKU is known is changed, or left alone when its content is the same. The
/// answer is a stream too: read it while sending. It has one line for each line that was refused, and a last one with
/// the `summary`.
#[utoipa::path(post, path = "/v1/products/import", tag = "catalogue",
    request_body(
        content((FileOfProducts = "application/x-ndjson"), (FileOfProducts = "application/octet-stream")),
        description = "One product a line",
    ),
    responses(
        (status = 200, description = "What became of it", body = ImportLine, content_type = "application/x-ndjson"),
        ImportProblems,
    ))]
pub(crate) async fn import_products(
    State(app): State<App>,
    request: Request,
) -> Result<Response, Problem> {
    demand_type(
        request.headers(),
        &[
            "application/x-ndjson",
            "application/ndjson",
            "application/jsonl",
            "application/octet-stream",
        ],
    )?;
    let input = body::pieces(request.into_body(), app.body_limits.read_timeout);
    let input = input.map(|piece| piece.map_err(std::io::Error::other));
    let (sender, mut events) = mpsc::channel(EVENTS);
    let import = tokio::spawn(run(app.catalog.clone(), input, sender));
    let import = AbortOnDropHandle::new(import);
    let Some(first) = events.recv().await else {
        // Nothing was written and no line refused: a failure can still be told by the status.
        return match finished(import).await {
            Err(error) if error.committed == ImportSummary::default() => Err(told(&error.cause)),
            outcome => Ok(ndjson(Body::from(line(&end(outcome))))),
        };
    };
    let rest = stream::unfold(Some((events, import)), next_line);
    let body = Body::from_stream(
        stream::iter(event_line(&first))
            .chain(rest.flat_map(stream::iter))
            .map(Ok::<Bytes, std::convert::Infallible>),
    );
    Ok(ndjson(body))
}

type Running = (mpsc::Receiver<ImportEvent>, AbortOnDropHandle<Outcome>);

/// The next line of the answer, if the next event has one.
async fn next_line(running: Option<Running>) -> Option<(Option<Bytes>, Option<Running>)> {
    let (mut events, import) = running?;
    match events.recv().await {
        Some(event) => Some((event_line(&event), Some((events, import)))),
        None => Some((Some(line(&end(finished(import).await))), None)),
    }
}

async fn run(
    catalog: Catalog,
    input: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    events: mpsc::Sender<ImportEvent>,
) -> Outcome {
    catalog
        .import(StreamReader::new(Box::pin(input)), events)
        .await
}

async fn finished(import: AbortOnDropHandle<Outcome>) -> Outcome {
    import.await.unwrap_or_else(|_| {
        let cause = ImportFailure::Input(std::io::Error::other("the import stopped"));
        Err(ImportError {
            committed: ImportSummary::default(),
            cause,
        })
    })
}

fn end(outcome: Outcome) -> ImportLine {
    match outcome {
        Ok(summary) => ImportLine::End {
            summary,
            error: None,
        },
        Err(error) => {
            let problem = told(&error.cause).to_json("");
            let problem = serde_json::from_slice(&problem).unwrap_or_default();
            ImportLine::End {
                summary: error.committed,
                error: Some(problem),
            }
        }
    }
}

fn told(cause: &ImportFailure) -> Problem {
    match cause {
        ImportFailure::Input(error) => match error.get_ref().and_then(|inner| inner.downcast_ref())
        {
            Some(Carried(problem)) => problem.clone(),
            None => Problem::new(ProblemKind::Internal),
        },
        ImportFailure::Catalog(error) => Problem::from_catalog(error),
    }
}

fn event_line(event: &ImportEvent) -> Option<Bytes> {
    match event {
        ImportEvent::BadLine(bad) => Some(line(&ImportLine::Bad(bad.clone()))),
        ImportEvent::Progress(_) => None,
    }
}

fn line(content: &ImportLine) -> Bytes {
    let mut text = serde_json::to_vec(content).unwrap_or_default();
    text.push(b'\n');
    text.into()
}

fn ndjson(body: Body) -> Response {
    ([(CONTENT_TYPE, "application/x-ndjson")], body).into_response()
}
