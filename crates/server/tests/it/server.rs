//! A running server and what tests ask of it.

use std::path::Path;

use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use stanchion_testkit::{Program, Running};

use crate::program::{DEADLINE, stanchion};

pub(crate) struct Server {
    pub(crate) running: Running,
    pub(crate) base: String,
    /// The admin key, for a demo.
    pub(crate) key: String,
    client: Client,
}

/// `serve` in `folder` on a free port.
pub(crate) fn serve(folder: &Path) -> Program {
    stanchion(folder).args(["serve", "--listen", "127.0.0.1:0"])
}

impl Server {
    /// Starts `program` and waits until it has said where it serves.
    pub(crate) async fn start(program: Program) -> Self {
        // The client is built with TLS, which asks for a provider of cryptography.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let running = program.start();
        let greeting = running.wait_for_line("serves on ", DEADLINE).await;
        let base = greeting.rsplit(' ').next().expect("a URL").to_owned();
        let shown = running.wait_for_line("database   ", DEADLINE).await;
        assert!(!shown.is_empty());
        Self {
            running,
            base,
            key: String::new(),
            client: Client::new(),
        }
    }

    /// Starts a demo in `folder`.
    pub(crate) async fn demo(folder: &Path) -> Self {
        Self::start_demo(serve(folder).arg("--demo")).await
    }

    /// Starts a program that makes an admin key, and waits for that too.
    pub(crate) async fn start_demo(program: Program) -> Self {
        let mut server = Self::start(program).await;
        let line = server.running.wait_for_line("admin key", DEADLINE).await;
        let key = line
            .split_whitespace()
            .find(|word| word.starts_with("stn_"));
        key.expect("a key").clone_into(&mut server.key);
        server
    }

    /// A request without a credential.
    pub(crate) fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    /// A request with `key`.
    pub(crate) fn with(&self, key: &str, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, path).bearer_auth(key)
    }

    /// The status of a GET without a credential; 0 when nobody answers.
    pub(crate) async fn status(&self, path: &str) -> u16 {
        status(self.anonymous(Method::GET, path)).await
    }

    /// The body of a successful GET without a credential.
    pub(crate) async fn text(&self, path: &str) -> String {
        let answer = self
            .anonymous(Method::GET, path)
            .send()
            .await
            .expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.text().await.expect("a body")
    }

    /// As [`Server::text`], read as JSON.
    pub(crate) async fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.text(path).await).expect("JSON")
    }

    /// Makes a product with `sku`.
    pub(crate) async fn create(&self, key: &str, sku: &str) -> Response {
        let request = self
            .with(key, Method::POST, "/v1/products")
            .json(&product(sku));
        request.send().await.expect("an answer")
    }

    /// Asks the server to stop, as Ctrl-C does, and waits for a clean end.
    pub(crate) async fn stop(&self) {
        self.running.interrupt();
        let status = self.running.wait(DEADLINE).await;
        assert_eq!(status.code(), Some(0), "{}", self.running.stderr());
    }
}

/// The status of an answer; 0 when there is none.
pub(crate) async fn status(request: RequestBuilder) -> u16 {
    request
        .send()
        .await
        .map_or(0, |answer| answer.status().as_u16())
}

pub(crate) fn product(sku: &str) -> Value {
    json!({
        "sku": sku, "name": format!("Product {sku}"), "category": "tests", "status": "active",
        "price": {"amount": 1, "currency": "EUR"},
    })
}
