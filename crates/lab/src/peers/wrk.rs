use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

/// What wrk measured.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub(crate) struct Load {
    pub requests: f64,
    pub requests_per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// Answers that were not 2xx or 3xx, and failed connections.
    pub errors: u64,
}

/// How to load a server.
pub(crate) struct Plan<'a> {
    pub url: &'a str,
    pub connections: u32,
    pub seconds: u32,
    /// A Lua script that makes the requests.
    pub script: Option<&'a Path>,
}

/// At the end the script prints what we read, so that no table of wrk's needs to be parsed.
const DONE: &str = include_str!("done.lua");

pub(crate) fn run(plan: &Plan<'_>) -> anyhow::Result<Load> {
    let folder = tempfile::tempdir()?;
    let requests = plan
        .script
        .map(std::fs::read_to_string)
        .transpose()?
        .unwrap_or_default();
    let script = folder.path().join("load.lua");
    std::fs::write(&script, requests + DONE)?;
    let output = Command::new("wrk")
        .args([
            "--threads",
            "1",
            "--connections",
            &plan.connections.to_string(),
        ])
        .args([
            "--duration",
            &format!("{}s", plan.seconds),
            "--timeout",
            "10s",
            "--latency",
        ])
        .arg("--script")
        .arg(&script)
        .arg(plan.url)
        .output()
        .context("wrk is missing: apt-get install -y --no-install-recommends wrk")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("lab "));
    let line = line.with_context(|| {
        format!(
            "wrk said: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        )
    })?;
    Ok(parse(line)?)
}

fn parse(line: &str) -> Result<Load, serde_json::Error> {
    #[derive(serde::Deserialize)]
    struct Line {
        requests: f64,
        duration_us: f64,
        p50_us: f64,
        p99_us: f64,
        errors: u64,
    }
    let line: Line = serde_json::from_str(line)?;
    Ok(Load {
        requests: line.requests,
        requests_per_second: line.requests / line.duration_us * 1e6,
        p50_ms: line.p50_us / 1e3,
        p99_ms: line.p99_us / 1e3,
        errors: line.errors,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_script_is_read() {
        let text =
            r#"{"requests":500,"duration_us":2000000,"p50_us":1500,"p99_us":9000,"errors":3}"#;
        let load = parse(text).expect("a line");
        assert_eq!(
            (
                load.requests_per_second,
                load.p50_ms,
                load.p99_ms,
                load.errors
            ),
            (250.0, 1.5, 9.0, 3)
        );
    }
}
