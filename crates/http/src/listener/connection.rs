use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use metrics::counter;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::Service as _;

use super::progress::{Progress, Watched};
use crate::config::HttpConfig;

/// hyper's own least size of its read buffer.
const MIN_HEADER_BYTES: usize = 8 * 1024;

/// How connections are served.
pub(super) struct Settings {
    protocol: Builder<TokioExecutor>,
    handshake_timeout: Duration,
    idle_timeout: Duration,
}

impl Settings {
    pub(super) fn new(config: &HttpConfig) -> Self {
        let header_read_timeout = Duration::from_millis(config.header_read_timeout_ms);
        let idle_timeout = Duration::from_millis(config.idle_timeout_ms);
        let header_bytes = config.max_header_bytes.max(MIN_HEADER_BYTES);
        let mut protocol = Builder::new(TokioExecutor::new());
        protocol
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(header_read_timeout)
            .max_headers(config.max_headers)
            .max_buf_size(header_bytes);
        protocol
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(config.http2_max_streams)
            .max_header_list_size(u32::try_from(header_bytes).unwrap_or(u32::MAX));
        Self {
            protocol,
            handshake_timeout: header_read_timeout,
            idle_timeout,
        }
    }
}

/// Serves one connection until it ends, is idle for too long, or `stop`.
pub(super) async fn serve(
    settings: &Settings,
    tls: Option<TlsAcceptor>,
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    stop: CancellationToken,
) {
    // Answers are written whole; waiting for more would only delay their last packet.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else {
        return speak(settings, stream, peer, router, stop).await;
    };
    let handshake = tokio::time::timeout(settings.handshake_timeout, tls.accept(stream));
    let handshake = tokio::select! {
        () = stop.cancelled() => return,
        handshake = handshake => handshake,
    };
    match handshake {
        Ok(Ok(stream)) => speak(settings, stream, peer, router, stop).await,
        Ok(Err(_)) | Err(_) => counter!("stanchion_http_tls_handshakes_failed_total").increment(1),
    }
}

async fn speak<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    settings: &Settings,
    stream: S,
    peer: SocketAddr,
    router: Router,
    stop: CancellationToken,
) {
    let progress = Progress::default();
    let stream = TokioIo::new(Watched::new(stream, progress.clone()));
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().call(request)
    });
    let mut connection = pin!(settings.protocol.serve_connection(stream, service));
    let mut idle = pin!(stalled(&progress, settings.idle_timeout));
    tokio::select! {
        // What goes wrong on a connection is the client's doing, or was answered already.
        _ = connection.as_mut() => return,
        () = idle.as_mut() => counter!("stanchion_http_connections_idled_total").increment(1),
        () = stop.cancelled() => {}
    }
    connection.as_mut().graceful_shutdown();
    // Requests in flight finish; a client that takes nothing for as long again is cut off.
    let mut idle = pin!(stalled(&progress, settings.idle_timeout));
    tokio::select! {
        _ = connection => {}
        () = idle.as_mut() => {}
    }
}

/// Ends when nothing has happened on the connection for a whole interval: it takes one to two of them.
async fn stalled(progress: &Progress, interval: Duration) {
    let mut mark = progress.mark();
    loop {
        tokio::time::sleep(interval).await;
        let now = progress.mark();
        if now == mark {
            return;
        }
        mark = now;
    }
}
