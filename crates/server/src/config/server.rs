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
    /// The header in which those proxies name the client.
    pub forwarded_header: ForwardedHeader,
    /// Web origins that may call from a browser.
    pub cors_origins: Vec<String>,
    /// How long a browser may keep the answer to a preflight.
    pub cors_max_age_seconds: u64,
    /// `Strict-Transport-Security`, over TLS only; 0 for none.
    pub hsts_seconds: u64,
    /// Open connections, all clients together.
    pub max_connections: usize,
    /// Requests in work at once; more get 503.
    pub max_in_flight: usize,
    /// Imports and exports in work at once.
    pub max_streams: usize,
    /// Renditions being sent at once; more get 503.
    pub max_downloads: usize,
    /// Largest body of one request, imports excepted.
    pub max_body_bytes: usize,
    /// Largest header block of one request.
    pub max_header_bytes: usize,
    /// Most header fields of one request.
    pub max_headers: usize,
    /// Most streams of one HTTP/2 connection.
    pub http2_max_streams: u32,
    /// Time for a client to send its headers.
    pub header_read_timeout_ms: u64,
    /// Time for a client to send the next part of its body.
    pub body_read_timeout_ms: u64,
    /// Time for an answer, streams excepted, and for a client to take the next piece of a rendition.
    pub request_timeout_ms: u64,
    /// Time without a byte after which a connection is closed.
    pub idle_timeout_ms: u64,
    /// Time for open requests to end at a stop.
    pub drain_timeout_ms: u64,
    /// A request that takes longer is logged at `info`.
    pub slow_request_ms: u64,
    /// `max-age` of a product that everybody may read.
    pub product_max_age_seconds: u32,
    /// How long the answer to an idempotency key is kept.
    pub idempotency_keep_seconds: u64,
}

/// The header in which proxies name the client; the other one is never read, since a client could have sent it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`.
    XForwardedFor,
    /// `Forwarded`, RFC 7239.
    Forwarded,
}

impl Default for ServerSection {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            metrics_listen: None,
            tls_certificate: None,
            tls_key: None,
            trusted_proxies: Vec::new(),
            forwarded_header: ForwardedHeader::XForwardedFor,
            cors_origins: Vec::new(),
            cors_max_age_seconds: 600,
            hsts_seconds: 31_536_000,
            max_connections: 10_000,
            max_in_flight: 1_024,
            max_streams: 16,
            max_downloads: 256,
            max_body_bytes: 1 << 20,
            max_header_bytes: 16 << 10,
            max_headers: 64,
            http2_max_streams: 128,
            header_read_timeout_ms: 15_000,
            body_read_timeout_ms: 10_000,
            request_timeout_ms: 15_000,
            idle_timeout_ms: 60_000,
            drain_timeout_ms: 20_000,
            slow_request_ms: 1_000,
            product_max_age_seconds: 0,
            idempotency_keep_seconds: 86_400,
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
const DAY: Kind = Kind::Integer {
    min: 0,
    max: 86_400,
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
        about: "Proxies whose forwarding header is believed.",
    },
    Key {
        name: "server.forwarded_header",
        kind: Kind::Choice(&["x-forwarded-for", "forwarded"]),
        about: "The header that those proxies set; the other one is never read.",
    },
    Key {
        name: "server.cors_origins",
        kind: Kind::Origins,
        about: "Web origins whose pages may call the API from a browser.",
    },
    Key {
        name: "server.cors_max_age_seconds",
        kind: DAY,
        about: "How long a browser may keep the answer to a preflight.",
    },
    Key {
        name: "server.hsts_seconds",
        kind: Kind::Integer {
            min: 0,
            max: 63_072_000,
        },
        about: "`Strict-Transport-Security`, sent over TLS only; 0 sends none.",
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
        name: "server.max_in_flight",
        kind: Kind::Integer {
            min: 1,
            max: 100_000,
        },
        about: "Requests in work at once; more get 503 with `Retry-After`.",
    },
    Key {
        name: "server.max_streams",
        kind: Kind::Integer {
            min: 1,
            max: 10_000,
        },
        about: "Imports and exports in work at once; they count among the requests too.",
    },
    Key {
        name: "server.max_downloads",
        kind: Kind::Integer {
            min: 1,
            max: 10_000,
        },
        about: "Renditions being sent at once; more get 503 with `Retry-After`.",
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
        name: "server.http2_max_streams",
        kind: Kind::Integer {
            min: 1,
            max: 10_000,
        },
        about: "Most streams of one HTTP/2 connection.",
    },
    Key {
        name: "server.header_read_timeout_ms",
        kind: TIMEOUT,
        about: "Time for a client to send its headers, and for HTTP/1.1 to wait for the next request.",
    },
    Key {
        name: "server.body_read_timeout_ms",
        kind: TIMEOUT,
        about: "Time for a client to send the next part of its body.",
    },
    Key {
        name: "server.request_timeout_ms",
        kind: TIMEOUT,
        about: "Time for an answer, import and export exempt, and for a client to take the next piece of a rendition.",
    },
    Key {
        name: "server.idle_timeout_ms",
        kind: TIMEOUT,
        about: "A connection without a byte in either direction for this long is closed.",
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
        kind: DAY,
        about: "`max-age` of an active product; 0 makes caches ask each time.",
    },
    Key {
        name: "server.idempotency_keep_seconds",
        kind: Kind::Integer {
            min: 60,
            max: 2_592_000,
        },
        about: "How long the answer to an `Idempotency-Key` is kept.",
    },
];
