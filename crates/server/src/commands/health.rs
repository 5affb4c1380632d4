use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;

use super::print;

/// Ask a running server whether it is well; for container health checks
#[derive(Debug, Args)]
#[command(after_help = "Example: stanchion health --url http://127.0.0.1:8080/readyz")]
pub(crate) struct Arguments {
    /// The URL to ask
    #[arg(long, default_value = "http://127.0.0.1:8080/readyz")]
    url: String,
    /// How long to wait for the answer
    #[arg(long, default_value_t = 3_000)]
    timeout_ms: u64,
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { url, timeout_ms } = arguments;
    let client = reqwest::Client::builder()
        .timeout(Duration::from_millis(timeout_ms))
        // A proxy of the environment is for the world outside, not for the server in the same container.
        .no_proxy()
        .build()?;
    let answer = client.get(&url).send().await;
    let answer = answer.with_context(|| format!("{url} does not answer"))?;
    if !answer.status().is_success() {
        bail!("{url} answers {}", answer.status());
    }
    print("ok")?;
    Ok(ExitCode::SUCCESS)
}
