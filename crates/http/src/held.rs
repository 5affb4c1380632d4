use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio_util::task::AbortOnDropHandle;

/// A body that keeps something until it has been sent or given up.
pub(crate) struct Held<T> {
    body: Body,
    _kept: T,
}

impl<T: Send + Unpin + 'static> Held<T> {
    pub(crate) fn hold(response: Response, kept: T) -> Response {
        response.map(|body| Body::new(Self { body, _kept: kept }))
    }
}

impl<T: Unpin> HttpBody for Held<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body that is given up, with all that it keeps, when no piece of it goes on for too long.
///
/// Whoever sends it does not even ask for the next piece while its client takes none, so that a task of its own has to watch.
pub(crate) struct Timely {
    rest: Arc<Mutex<Rest>>,
    _watch: AbortOnDropHandle<()>,
}

/// What is still to be sent.
struct Rest {
    /// `None` once it was given up.
    body: Option<Body>,
    /// How many pieces were taken.
    taken: u64,
    /// Who waits for the next one.
    waiting: Option<Waker>,
}

/// Why a body ends early.
#[derive(Debug, thiserror::Error)]
#[error("no piece of the body was taken in time")]
struct GivenUp;

impl Timely {
    /// Watches the body of an answer. It is given up after one to two intervals without a piece.
    pub(crate) fn watch(response: Response, interval: Duration) -> Response {
        response.map(|body| {
            if body.is_end_stream() {
                return body;
            }
            let rest = Arc::new(Mutex::new(Rest {
                body: Some(body),
                taken: 0,
                waiting: None,
            }));
            let watch = tokio::spawn(watch(Arc::downgrade(&rest), interval));
            Body::new(Self {
                rest,
                _watch: AbortOnDropHandle::new(watch),
            })
        })
    }
}

impl HttpBody for Timely {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut rest = lock(&self.rest);
        let Some(body) = &mut rest.body else {
            return Poll::Ready(Some(Err(axum::Error::new(GivenUp))));
        };
        let polled = Pin::new(body).poll_frame(context);
        if polled.is_ready() {
            rest.taken += 1;
        } else {
            rest.waiting = Some(context.waker().clone());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        let rest = lock(&self.rest);
        rest.body.as_ref().is_some_and(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let rest = lock(&self.rest);
        let hint = rest.body.as_ref().map(HttpBody::size_hint);
        hint.unwrap_or_default()
    }
}

/// Gives a body up when an interval passes without a piece.
async fn watch(rest: Weak<Mutex<Rest>>, interval: Duration) {
    let mut before = 0;
    loop {
        tokio::time::sleep(interval).await;
        let Some(rest) = rest.upgrade() else {
            return;
        };
        let taken = lock(&rest).taken;
        if taken == before {
            return give_up(&rest);
        }
        before = taken;
    }
}

fn give_up(rest: &Mutex<Rest>) {
    let (body, waiting) = {
        let mut rest = lock(rest);
        (rest.body.take(), rest.waiting.take())
    };
    drop(body);
    if let Some(waiting) = waiting {
        waiting.wake();
    }
}

fn lock(rest: &Mutex<Rest>) -> MutexGuard<'_, Rest> {
    rest.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream::{self, Stream, StreamExt as _};
    use http_body_util::BodyExt as _;
    use stanchion_testkit::hold;
    use std::convert::Infallible;

    const INTERVAL: Duration = Duration::from_secs(10);

    type Piece = Result<Bytes, Infallible>;

    fn pieces(count: usize) -> impl Stream<Item = Piece> {
        stream::iter(0..count).map(|_| Ok(Bytes::from_static(b"piece")))
    }

    /// A body that is watched, and what it keeps.
    fn watched(pieces: impl Stream<Item = Piece> + Send + 'static) -> (Body, Weak<()>) {
        let kept = Arc::new(());
        let weak = Arc::downgrade(&kept);
        let response = Held::hold(Response::new(Body::from_stream(pieces)), kept);
        (Timely::watch(response, INTERVAL).into_body(), weak)
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_nobody_takes_is_given_up_with_what_it_keeps() {
        let (mut body, kept) = watched(pieces(9));
        assert!(body.frame().await.unwrap().is_ok());
        assert!(kept.upgrade().is_some());
        hold("nobody takes the next piece", 3 * INTERVAL).await;
        assert!(kept.upgrade().is_none(), "it keeps nothing any more");
        assert!(body.frame().await.unwrap().is_err(), "it has no end");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_is_taken_slowly_is_sent_to_its_end() {
        let (mut body, kept) = watched(pieces(9));
        for _ in 0..9 {
            hold("the client is slow", INTERVAL * 9 / 10).await;
            assert!(body.frame().await.unwrap().is_ok());
        }
        assert!(body.frame().await.is_none());
        drop(body);
        assert!(kept.upgrade().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_a_piece_that_never_comes_is_told() {
        let (mut body, kept) = watched(pieces(1).chain(stream::pending()));
        assert!(body.frame().await.unwrap().is_ok());
        assert!(body.frame().await.unwrap().is_err());
        assert!(kept.upgrade().is_none());
    }
}
