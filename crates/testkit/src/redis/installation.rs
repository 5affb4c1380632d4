//! Where Redis is installed.

use std::path::PathBuf;

const INSTALL: &str =
    "apt-get install -y --no-install-recommends redis-server redis-sentinel redis-tools";

/// Finds one of Redis's programs.
///
/// # Panics
/// When there is none: a missing server fails the test and says how to install it.
pub(super) fn find(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
        .unwrap_or_else(|| {
            panic!(
                "these tests need Redis, and {program} is not in PATH; install it with: {INSTALL}"
            )
        })
}
