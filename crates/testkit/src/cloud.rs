//! Private stand-ins for the object stores of clouds, on the loopback interface.

mod azure;
mod s3;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub use azure::Azure;
pub use s3::S3;

const START: Duration = Duration::from_secs(60);
/// What both keep objects in.
const BUCKET: &str = "stanchion";

/// The status of an answer; none when there is no answer.
async fn status(port: u16, request: &str) -> Option<u16> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()?;
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    let answer = String::from_utf8_lossy(&answer);
    answer.split(' ').nth(1)?.parse().ok()
}

fn find(program: &str, install: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut programs = std::env::split_paths(&path).map(|folder| folder.join(program));
    programs.find(|program| program.is_file()).unwrap_or_else(|| {
        panic!(
            "this test needs {program}, which is not in PATH; run it by `cargo xtask test`, or install it with: {install}"
        )
    })
}

fn settings<const N: usize>(settings: [(&str, String); N]) -> Vec<(String, String)> {
    settings
        .map(|(name, value)| (name.to_owned(), value))
        .into()
}
