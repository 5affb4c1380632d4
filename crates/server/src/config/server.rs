use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::key::{Key, Kind};

/// `[server]`: the listener and its limits.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSection {
    /// Where the API listens.
    pub listen: SocketAddr,
    /// Where `/metrics` listens; with the API when unset.
    pub metrics_listen: Option<SocketAddr>,
    /// PEM file of the certificate chain.
    pub tls_certificate: Option<PathBuf>,
    /// PEM file of the certificate's key.
    pub tls_key: Option<PathBuf>,
    /// Proxies whose forwarding headers are believed.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// Web origins that may call from a browser.
    pub cors_origins: Vec<String>,
    /// Open connections, all clients together.
    pub max_connections: usize,
    /// Requests in work at once; more get 503.
    pub max_concurrent_requests: usize,
    /// Largest body of one request, imports excepted.
    pub max_body_bytes: usize,
    /// Largest header block of one request.
    pub max_header_bytes: usize,
    /// Most header fields of one request.
    pub max_headers: usize,
    /// Most streams of one HTTP/2 connection.
    pub http2_max_concurrent_streams: u32,
    /// Time for a client to send its headers.
    pub header_read_timeout_ms: u64,
    /// Time for a client to send the next part of its body.
    pub body_read_timeout_ms: u64,
    /// Time for an answer, streams excepted.
    pub request_timeout_ms: u64,
    /// Time that an idle connection is kept.
    pub keep_alive_timeout_ms: u64,
    /// Time for open requests to end at a stop.
    pub drain_timeout_ms: u64,
    /// A request that takes longer is logged at `info`.
    pub slow_request_ms: u64,
    /// `max-age` of a product that everybody may read.
    pub product_max_age_seconds: u64,
}

impl Default for ServerSection {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            metrics_listen: None,
            tls_certificate: None,
            tls_key: None,
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
            max_connections: 4096,
            max_concurrent_requests: 512,
            max_body_bytes: 1 << 20,
            max_header_bytes: 16 << 10,
            max_headers: 100,
            http2_max_concurrent_streams: 128,
            header_read_timeout_ms: 10_000,
            body_read_timeout_ms: 10_000,
            request_timeout_ms: 30_000,
            keep_alive_timeout_ms: 60_000,
            drain_timeout_ms: 20_000,
            slow_request_ms: 1_000,
            product_max_age_seconds: 0,
        }
    }
}

impl ServerSection {
    /// The key that does not go with the others, and why.
    pub(super) fn contradiction(&self) -> Option<(&'static str, String)> {
        match (&self.tls_certificate, &self.tls_key) {
            (Some(_), None) => Some(("server.tls_certificate", "needs `server.tls_key`".into())),
            (None, Some(_)) => Some(("server.tls_key", "needs `server.tls_certificate`".into())),
            _ if self.metrics_listen == Some(self.listen) && self.listen.port() != 0 => Some((
                "server.metrics_listen",
                format!("must not be the API's own {}; leave it out", self.listen),
            )),
            _ => None,
        }
    }
}

const TIMEOUT: Kind = Kind::Integer {
    min: 10,
    max: 3_600_000,
};

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "server.listen",
        kind: Kind::Address,
        about: "Where the API listens; port 0 takes a free one.",
    },
    Key {
        name: "server.metrics_listen",
        kind: Kind::Address,
        about: "A listener of its own for `/metrics`; unset: on the API's listener.",
    },
    Key {
        name: "server.tls_certificate",
        kind: Kind::Path,
        about: "PEM file of the certificate chain; unset: plain HTTP.",
    },
    Key {
        name: "server.tls_key",
        kind: Kind::Path,
        about: "PEM file of the certificate's private key.",
    },
    Key {
        name: "server.trusted_proxies",
        kind: Kind::Networks,
        about: "Proxies whose `X-Forwarded-For` and `Forwarded` headers are believed.",
    },
    Key {
        name: "server.cors_origins",
        kind: Kind::Origins,
        about: "Web origins whose pages may call the API from a browser.",
    },
    Key {
        name: "server.max_connections",
        kind: Kind::Integer {
            min: 1,
            max: 1_000_000,
        },
        about: "Open connections, all clients together; more wait to be accepted.",
    },
    Key {
        name: "server.max_concurrent_requests",
        kind: Kind::Integer {
            min: 1,
            max: 100_000,
        },
        about: "Requests in work at once; more get 503 with `Retry-After`.",
    },
    Key {
        name: "server.max_body_bytes",
        kind: Kind::Integer {
            min: 1024,
            max: 1 << 30,
        },
        about: "Largest request body; an import is limited by line instead.",
    },
    Key {
        name: "server.max_header_bytes",
        kind: Kind::Integer {
            min: 8192,
            max: 1 << 20,
        },
        about: "Largest header block of a request.",
    },
    Key {
        name: "server.max_headers",
        kind: Kind::Integer { min: 10, max: 1000 },
        about: "Most header fields of a request.",
    },
    Key {
        name: "server.http2_max_concurrent_streams",
        kind: Kind::Integer {
            min: 1,
            max: 10_000,
        },
        about: "Most streams of one HTTP/2 connection.",
    },
    Key {
        name: "server.header_read_timeout_ms",
        kind: TIMEOUT,
        about: "Time for a client to send its headers.",
    },
    Key {
        name: "server.body_read_timeout_ms",
        kind: TIMEOUT,
        about: "Time for a client to send the next part of its body.",
    },
    Key {
        name: "server.request_timeout_ms",
        kind: TIMEOUT,
        about: "Time for an answer; import and export are exempt.",
    },
    Key {
        name: "server.keep_alive_timeout_ms",
        kind: TIMEOUT,
        about: "Time that an idle connection is kept.",
    },
    Key {
        name: "server.drain_timeout_ms",
        kind: Kind::Integer {
            min: 0,
            max: 3_600_000,
        },
        about: "Time for open requests to end after Ctrl-C or SIGTERM.",
    },
    Key {
        name: "server.slow_request_ms",
        kind: TIMEOUT,
        about: "A request that takes longer is logged at `info`.",
    },
    Key {
        name: "server.product_max_age_seconds",
        kind: Kind::Integer {
            min: 0,
            max: 86_400,
        },
        about: "`max-age` of an active product; 0 makes caches ask each time.",
    },
];
