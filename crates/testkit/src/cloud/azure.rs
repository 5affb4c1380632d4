use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha256};
use stanchion_kernel::Clock;
use time::macros::format_description;

use super::{BUCKET, START, find, settings, status};
use crate::{Program, Running, eventually, free_port};

const INSTALL: &str = "npm install azurite@3, with node_modules/.bin in PATH";
const ACCOUNT: &str = "stanchion";
const KEY: &[u8] = b"the key of an account that is private";
const VERSION: &str = "2021-12-02";

/// A private Azure Blob Storage, by Azurite: it keeps blobs in memory. It ends when this value is dropped or our process
/// ends.
#[derive(Debug)]
pub struct Azure {
    _running: Running,
    port: u16,
}

impl Azure {
    /// Starts one with an empty container.
    ///
    /// # Panics
    /// When Azurite is not installed, with the line that installs it, or does not serve in time.
    pub async fn start() -> Self {
        let port = free_port();
        let running = Program::new(find("azurite-blob", INSTALL))
            .args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()])
            .args(["--inMemoryPersistence", "--silent", "--disableTelemetry"])
            .env(
                "AZURITE_ACCOUNTS",
                format!("{ACCOUNT}:{}", BASE64.encode(KEY)),
            )
            .start();
        eventually("Azure has a container", START, || async {
            status(port, &make_container(port)).await == Some(201)
        })
        .await;
        Self {
            _running: running,
            port,
        }
    }

    /// The URL of its container, with a prefix.
    #[must_use]
    pub fn url(&self, prefix: &str) -> String {
        format!("az://{BUCKET}/{prefix}")
    }

    /// Where it is and how to be let in, as variables of the environment.
    #[must_use]
    pub fn settings(&self) -> Vec<(String, String)> {
        let endpoint = format!("http://127.0.0.1:{}/{ACCOUNT}", self.port);
        settings([
            ("AZURE_STORAGE_ENDPOINT", endpoint),
            ("AZURE_ALLOW_HTTP", "true".to_owned()),
            ("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT.to_owned()),
            ("AZURE_STORAGE_ACCOUNT_KEY", BASE64.encode(KEY)),
        ])
    }
}

/// The request that makes a container, signed by the account's key.
fn make_container(port: u16) -> String {
    let form = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let now = Clock::system().now().to_datetime();
    let date = now.format(form).expect("a date has these parts");
    // Verb, eleven fields that are not there, our own headers, and what is asked for.
    let signed = format!(
        "PUT{}x-ms-date:{date}\nx-ms-version:{VERSION}\n/{ACCOUNT}/{ACCOUNT}/{BUCKET}\nrestype:container",
        "\n".repeat(12)
    );
    let signature = BASE64.encode(hmac(signed.as_bytes()));
    format!(
        "PUT /{ACCOUNT}/{BUCKET}?restype=container HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nx-ms-date: {date}\r\n\
         x-ms-version: {VERSION}\r\nauthorization: SharedKey {ACCOUNT}:{signature}\r\ncontent-length: 0\r\n\
         connection: close\r\n\r\n"
    )
}

/// HMAC (RFC 2104) with SHA-256 and the account's key, which is shorter than a block.
fn hmac(message: &[u8]) -> [u8; 32] {
    let pad = |with: u8| {
        let mut block = [with; 64];
        for (byte, key) in block.iter_mut().zip(KEY) {
            *byte ^= key;
        }
        block
    };
    let hash = |pad: [u8; 64], rest: &[u8]| Sha256::new().chain_update(pad).chain_update(rest);
    let inner = hash(pad(0x36), message).finalize();
    hash(pad(0x5c), &inner).finalize().into()
}
