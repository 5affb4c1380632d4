//! The settings of this crate, with their defaults. Numbers carry their unit in their name.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;

/// How requests are taken and answered.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// The certificate chain of the listener, a PEM file; with `tls_key` it turns TLS on.
    pub tls_certificate: Option<PathBuf>,
    /// The private key of the certificate, a PEM file.
    pub tls_key: Option<PathBuf>,
    /// The most connections at a time; more wait in the kernel's queue. 1 or more.
    pub max_connections: usize,
    /// The longest that a client may take to send a request's head, and that an HTTP/1.1 connection is kept without one.
    pub header_read_timeout_ms: u64,
    /// After this long without a byte in either direction a connection is closed.
    pub idle_timeout_ms: u64,
    /// The largest head of a request, in bytes; 8,192 or more.
    pub max_header_bytes: usize,
    /// The most header fields of a request.
    pub max_headers: usize,
    /// The most concurrent requests of one HTTP/2 connection.
    pub http2_max_streams: u32,
    /// The most requests being answered at a time; one more is refused with 503 at once. 1 or more.
    pub max_in_flight: usize,
    /// The most streams (imports, exports) at a time; they count in `max_in_flight` too. 1 or more.
    pub max_streams: usize,
    /// The most downloads (renditions) being sent at a time; one more is refused with 503 at once. 1 or more.
    pub max_downloads: usize,
    /// The largest body in bytes; streams are bounded line by line instead.
    pub max_body_bytes: usize,
    /// The longest that a body may go without another byte arriving.
    pub body_read_timeout_ms: u64,
    /// The longest that an answer may take, and the client with each piece of a download; except for streams.
    pub request_timeout_ms: u64,
    /// How long requests in flight are given to finish when the server stops.
    pub drain_timeout_ms: u64,
    /// A request that takes longer is logged.
    pub slow_request_ms: u64,
    /// For how long clients and proxies may reuse what anonymous callers may see, in seconds; 0 has them ask each time.
    pub product_max_age_seconds: u32,
    /// How long the answer to an idempotency key is kept.
    pub idempotency_keep_seconds: u64,
    /// Proxies whose forwarding header is believed, as addresses or networks.
    pub trusted_proxies: Vec<IpNet>,
    /// Which header the trusted proxies set; the other one is never read, since a client could have sent it.
    pub forwarded_header: ForwardedHeader,
    /// Origins that browsers may call from; `*` for any. Empty turns CORS off.
    pub cors_origins: Vec<String>,
    /// For how long a browser may keep the answer to a preflight, in seconds.
    pub cors_max_age_seconds: u64,
    /// `Strict-Transport-Security` in seconds, sent over TLS only; 0 sends none.
    pub hsts_seconds: u64,
}

/// The header in which proxies name the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded`, RFC 7239.
    Forwarded,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            tls_certificate: None,
            tls_key: None,
            max_connections: 10_000,
            header_read_timeout_ms: 15_000,
            idle_timeout_ms: 60_000,
            max_header_bytes: 16 * 1024,
            max_headers: 64,
            http2_max_streams: 128,
            max_in_flight: 1_024,
            max_streams: 16,
            max_downloads: 256,
            max_body_bytes: 1024 * 1024,
            body_read_timeout_ms: 10_000,
            request_timeout_ms: 15_000,
            drain_timeout_ms: 20_000,
            slow_request_ms: 1_000,
            product_max_age_seconds: 0,
            idempotency_keep_seconds: 24 * 60 * 60,
            trusted_proxies: Vec::new(),
            forwarded_header: ForwardedHeader::XForwardedFor,
            cors_origins: Vec::new(),
            cors_max_age_seconds: 600,
            hsts_seconds: 31_536_000,
        }
    }
}

impl HttpConfig {
    /// Whether the listener speaks TLS.
    #[must_use]
    pub fn tls(&self) -> bool {
        self.tls_certificate.is_some()
    }

    pub(crate) fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    pub(crate) fn body_read_timeout(&self) -> Duration {
        Duration::from_millis(self.body_read_timeout_ms)
    }

    pub(crate) fn slow_request(&self) -> Duration {
        Duration::from_millis(self.slow_request_ms)
    }
}

/// Who may call.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// Whether the catalogue's reads are open to callers without a credential.
    pub anonymous_read: bool,
    /// Where the keys that sign tokens come from: an `http(s)://` URL or a file. Without it no token is accepted.
    pub jwks: Option<String>,
    /// The `iss` that a token must have; needed with `jwks`.
    pub issuer: Option<String>,
    /// The `aud` that a token must have; needed with `jwks`.
    pub audience: Option<String>,
    /// How far clocks may differ when `exp` and `nbf` are checked, in seconds.
    pub leeway_seconds: u32,
    /// How often the keys of a URL are fetched again, in seconds; 1 or more.
    pub jwks_refresh_seconds: u64,
    /// How often at most an unknown `kid` has the keys fetched early, in seconds; 1 or more.
    pub jwks_unknown_kid_seconds: u64,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            anonymous_read: true,
            jwks: None,
            issuer: None,
            audience: None,
            leeway_seconds: 30,
            jwks_refresh_seconds: 300,
            jwks_unknown_kid_seconds: 10,
        }
    }
}
