use super::{BUCKET, START, find, settings, status};
use crate::{Program, Running, eventually, free_port};

const INSTALL: &str = "pip install 'moto[server]==5.*', into a folder of PATH";

/// A private S3, by moto: it keeps objects in memory, and refuses to write one twice where that is asked. It ends when this
/// value is dropped or our process ends.
#[derive(Debug)]
pub struct S3 {
    _running: Running,
    port: u16,
}

impl S3 {
    /// Starts one with an empty bucket.
    ///
    /// # Panics
    /// When moto is not installed, with the line that installs it, or does not serve in time.
    pub async fn start() -> Self {
        let port = free_port();
        let running = Program::new(find("moto_server", INSTALL))
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .start();
        let bucket = format!(
            "PUT /{BUCKET} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        eventually("S3 has a bucket", START, || async {
            status(port, &bucket).await == Some(200)
        })
        .await;
        Self {
            _running: running,
            port,
        }
    }

    /// The URL of its bucket, with a prefix.
    #[must_use]
    pub fn url(&self, prefix: &str) -> String {
        format!("s3://{BUCKET}/{prefix}")
    }

    /// Where it is and how to be let in, as variables of the environment.
    #[must_use]
    pub fn settings(&self) -> Vec<(String, String)> {
        settings([
            (
                "AWS_ENDPOINT_URL",
                format!("http://127.0.0.1:{}", self.port),
            ),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "anybody".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "anything".to_owned()),
        ])
    }
}
