//! The binary.

use std::process::ExitCode;

// Requests allocate on one thread and free on another, which the system's allocator pays for with locks.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    stanchion::cli::run()
}
