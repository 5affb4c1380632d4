use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

use stanchion_kernel::Entropy;

// Below the range that the kernel takes outgoing connections' ports from, so that none of those can
// sit on a server's port between its stop and its next start.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A TCP port of the loopback interface that nothing listened on a moment ago.
///
/// No two calls of one process get the same port before 12,000 others did.
///
/// # Panics
/// When all 12,000 ports are taken.
#[must_use]
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    static START: std::sync::OnceLock<u16> = std::sync::OnceLock::new();
    let start = *START.get_or_init(|| {
        u16::try_from(Entropy::system().below(u64::from(COUNT))).unwrap_or_default()
    });
    (0..COUNT)
        .map(|_| FIRST + (start + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT) % COUNT)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("one of 12,000 loopback ports is free")
}
