//! Accepts connections and serves HTTP/1.1 and HTTP/2 on them, with or without TLS, within bounds.

mod connection;
mod progress;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use metrics::{Gauge, counter, gauge};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::HttpConfig;
use connection::Settings;

/// The first pause after the system could not accept; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A socket that listens.
pub struct Listener {
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
    settings: Arc<Settings>,
    max_connections: usize,
    drain: Duration,
    connections: Gauge,
}

/// Why nothing can be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenerError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error("TLS: {0}")]
    Tls(String),
}

/// How a listener ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every request in flight was answered.
    Clean,
    /// The time to drain was over first; this many connections were closed.
    Cut(usize),
}

impl Listener {
    /// Listens on `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address is taken, or the certificate cannot be used.
    pub async fn bind(address: SocketAddr, config: &HttpConfig) -> Result<Self, ListenerError> {
        let tls = tls::acceptor(config)?;
        let bound = TcpListener::bind(address).await;
        let socket = bound.map_err(|source| ListenerError::Bind { address, source })?;
        Ok(Self {
            socket,
            tls,
            settings: Arc::new(Settings::new(config)),
            max_connections: config.max_connections.max(1),
            drain: Duration::from_millis(config.drain_timeout_ms),
            connections: gauge!("stanchion_http_connections"),
        })
    }

    /// The address that it listens on.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves `router` until `stop`, then lets requests in flight finish within the time to drain.
    pub async fn serve(self, router: Router, stop: CancellationToken) -> Drained {
        let tasks = TaskTracker::new();
        let cut = CancellationToken::new();
        let places = Arc::new(Semaphore::new(self.max_connections));
        loop {
            // A full server accepts no more: what waits, waits in the system's queue.
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.accept(&places) => accepted,
            };
            let Some((stream, peer, place)) = accepted else {
                break;
            };
            let open = Open {
                gauge: self.connections.clone(),
                _place: place,
            };
            open.gauge.increment(1.0);
            let (settings, tls) = (Arc::clone(&self.settings), self.tls.clone());
            let (router, stop, cut) = (router.clone(), stop.clone(), cut.clone());
            tasks.spawn(async move {
                let _open = open;
                let served = connection::serve(&settings, tls, stream, peer, router, stop);
                tokio::select! {
                    () = served => {}
                    () = cut.cancelled() => {}
                }
            });
        }
        drop(self.socket);
        tasks.close();
        if tokio::time::timeout(self.drain, tasks.wait()).await.is_ok() {
            return Drained::Clean;
        }
        let left = tasks.len();
        cut.cancel();
        tasks.wait().await;
        Drained::Cut(left)
    }

    /// The next connection; `None` when there never will be one.
    async fn accept(
        &self,
        places: &Arc<Semaphore>,
    ) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
        let place = Arc::clone(places).acquire_owned().await.ok()?;
        let mut pause = FIRST_PAUSE;
        loop {
            match self.socket.accept().await {
                Ok((stream, peer)) => {
                    counter!("stanchion_http_connections_accepted_total").increment(1);
                    return Some((stream, peer, place));
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    // Out of file descriptors or memory: trying again at once would only burn the processor.
                    counter!("stanchion_http_accept_errors_total").increment(1);
                    tracing::error!(%error, "connections cannot be accepted");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }
}

/// The client was gone before it was accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

/// A connection that is counted until it is dropped.
struct Open {
    gauge: Gauge,
    _place: tokio::sync::OwnedSemaphorePermit,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.gauge.decrement(1.0);
    }
}
