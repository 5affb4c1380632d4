//! The binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    stanchion::cli::run()
}
