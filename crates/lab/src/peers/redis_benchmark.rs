use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// How many connections there are, and how many commands are under way on each.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub connections: usize,
    pub pipelined: usize,
}

/// How many commands a first look takes, which tells how many fill the time.
const LOOK: f64 = 20_000.0;

/// The words of the first script that the server runs while `call` is made, as the server hears them.
pub(crate) async fn overhear<F: Future>(port: u16, call: F) -> anyhow::Result<Vec<String>> {
    let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", port)).await?);
    stream.write_all(b"MONITOR\r\n").await?;
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    ensure!(line == "+OK\r\n", "MONITOR: {line}");
    call.await;
    loop {
        line.clear();
        let length = stream.read_line(&mut line).await?;
        ensure!(length > 0, "the server hung up");
        if let Some(words) = words(&line)
            && words[0].eq_ignore_ascii_case("EVALSHA")
        {
            return Ok(words);
        }
    }
}

/// The words of a line of MONITOR's, which has them in quotes; what would need an escape is none of ours.
fn words(line: &str) -> Option<Vec<String>> {
    let (_, quoted) = line.trim_end().split_once("] \"")?;
    let inner = quoted.strip_suffix('"')?;
    (!inner.contains('\\')).then(|| inner.split("\" \"").map(str::to_owned).collect())
}

/// Commands per second, measured for about so many seconds.
pub(crate) fn run(port: u16, shape: Shape, words: &[String], seconds: u32) -> anyhow::Result<f64> {
    let rate = requests(port, shape, words, LOOK)?;
    requests(port, shape, words, rate * f64::from(seconds))
}

fn requests(port: u16, shape: Shape, words: &[String], count: f64) -> anyhow::Result<f64> {
    let output = Command::new("redis-benchmark")
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "--csv"])
        .args(["-c", &shape.connections.to_string()])
        .args(["-P", &shape.pipelined.to_string()])
        .args(["-n", &format!("{:.0}", count.max(1.0))])
        .args(words)
        .output()
        .context("redis-benchmark does not start: apt-get install redis-tools")?;
    let text = String::from_utf8_lossy(&output.stdout);
    match per_second(&text) {
        Some(rate) if output.status.success() => Ok(rate),
        _ => bail!(
            "redis-benchmark: {text}{}",
            String::from_utf8_lossy(&output.stderr)
        ),
    }
}

/// The second field of the last line; the first is the command.
fn per_second(csv: &str) -> Option<f64> {
    let last = csv.trim_end().lines().last()?;
    let (_, rest) = last.split_once("\",\"")?;
    rest.split('"').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read() {
        let csv = "\"test\",\"rps\",\"avg_latency_ms\"\n\"EVALSHA a 2 b c\",\"1234.50\",\"0.1\"\n";
        assert_eq!(per_second(csv), Some(1234.5));
        assert_eq!(per_second("ERR"), None);
    }

    #[test]
    fn words_are_read_as_the_server_heard_them() {
        let line = "+1700000000.1 [0 127.0.0.1:5] \"EVALSHA\" \"ab\" \"2\" \"x:{0}:epoch\"\r\n";
        let expected = ["EVALSHA", "ab", "2", "x:{0}:epoch"].map(str::to_owned);
        assert_eq!(words(line), Some(expected.to_vec()));
        assert_eq!(words("+OK\r\n"), None);
        assert_eq!(words("+1 [0 lua] \"SET\" \"k\" \"\\x97\"\r\n"), None);
    }
}
