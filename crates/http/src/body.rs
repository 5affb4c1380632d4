//! Bodies of requests: bounded in size, and in how slowly they may come.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream, Stream};
use http_body_util::BodyExt as _;
use tokio::sync::Mutex;

use crate::config::HttpConfig;
use crate::problem::{Problem, ProblemKind};

/// The bounds on a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyLimits {
    /// The largest size in bytes.
    pub(crate) max_bytes: usize,
    /// The longest time without another byte.
    pub(crate) read_timeout: Duration,
}

impl BodyLimits {
    pub(crate) fn of(config: &HttpConfig) -> Self {
        Self {
            max_bytes: config.max_body_bytes,
            read_timeout: config.body_read_timeout(),
        }
    }
}

/// Reads the whole body.
pub(crate) async fn read(
    headers: &HeaderMap,
    mut body: Body,
    limits: BodyLimits,
) -> Result<Bytes, Problem> {
    if announced(headers).is_some_and(|length| length > limits.max_bytes as u64) {
        return Err(too_large(limits));
    }
    let Some(first) = next_data(&mut body, limits.read_timeout).await? else {
        return Ok(Bytes::new());
    };
    check(first.len(), limits)?;
    let Some(second) = next_data(&mut body, limits.read_timeout).await? else {
        return Ok(first);
    };
    let mut whole = BytesMut::from(first);
    let mut next = Some(second);
    while let Some(data) = next {
        check(whole.len() + data.len(), limits)?;
        whole.extend_from_slice(&data);
        next = next_data(&mut body, limits.read_timeout).await?;
    }
    Ok(whole.freeze())
}

/// The size that the client says the body has.
pub(crate) fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A problem on its way through a reader.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.detail_text().unwrap_or(.0.kind().title()))]
pub(crate) struct Carried(pub(crate) Problem);

/// A body, piece by piece; it ends with the first problem.
pub(crate) fn pieces(
    body: Body,
    read_timeout: Duration,
) -> impl Stream<Item = Result<Bytes, Carried>> + Send {
    stream::unfold(Some(body), move |body| async move {
        let mut body = body?;
        match next_data(&mut body, read_timeout).await {
            Ok(data) => data.map(|data| (Ok(data), Some(body))),
            Err(problem) => Some((Err(Carried(problem)), None)),
        }
    })
}

/// A body that whoever refuses it can still read to its end: a client that is cut off while it sends does not hear why.
#[derive(Clone)]
pub(crate) struct Drainable(Arc<Mutex<BoxStream<'static, Result<Bytes, Carried>>>>);

impl Drainable {
    pub(crate) fn new(body: Body, read_timeout: Duration) -> Self {
        Self(Arc::new(Mutex::new(
            pieces(body, read_timeout).fuse().boxed(),
        )))
    }

    /// The pieces that are still to come.
    pub(crate) fn pieces(&self) -> impl Stream<Item = Result<Bytes, Carried>> + Send + use<> {
        stream::unfold(self.clone(), |body| async move {
            let piece = body.0.lock().await.next().await?;
            Some((piece, body))
        })
    }

    /// Reads the rest, if it is no more than so many bytes.
    pub(crate) async fn drain(&self, most: u64) {
        let mut left = most;
        let mut body = self.0.lock().await;
        while let Some(Ok(piece)) = body.next().await {
            left = left.saturating_sub(piece.len() as u64);
            if left == 0 {
                return;
            }
        }
    }
}

/// The next piece of a body; `None` at its end.
///
/// # Errors
/// `request-timeout` when none arrives in time, `bad-request` when the client ends before the body does.
pub(crate) async fn next_data(
    body: &mut Body,
    read_timeout: Duration,
) -> Result<Option<Bytes>, Problem> {
    loop {
        let frame = tokio::time::timeout(read_timeout, body.frame()).await;
        let frame = frame.map_err(|_| Problem::new(ProblemKind::RequestTimeout))?;
        match frame {
            None => return Ok(None),
            Some(Err(_)) => {
                let problem = Problem::new(ProblemKind::BadRequest);
                return Err(problem.detail("the body ended before it was complete"));
            }
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(data) => return Ok(Some(data)),
                // Trailers say nothing that is of use here.
                Err(_) => {}
            },
        }
    }
}

/// The whole of a body that this server made itself.
pub(crate) async fn collect(body: Body) -> Result<Bytes, Problem> {
    let collected = body
        .collect()
        .await
        .map_err(|_| Problem::new(ProblemKind::Internal))?;
    Ok(collected.to_bytes())
}

fn check(length: usize, limits: BodyLimits) -> Result<(), Problem> {
    if length > limits.max_bytes {
        Err(too_large(limits))
    } else {
        Ok(())
    }
}

fn too_large(limits: BodyLimits) -> Problem {
    Problem::new(ProblemKind::PayloadTooLarge)
        .detail(format!(
            "a body may have at most {} bytes",
            limits.max_bytes
        ))
        .with("max_bytes", limits.max_bytes as u64)
}
