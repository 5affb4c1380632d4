//! A server with a folder for its pictures, and a key for all that has to do with them.

use std::path::{Path, PathBuf};

use reqwest::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE, RANGE};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use stanchion_testkit::{Program, TempDir, eventually};

use crate::program::{DEADLINE, new_key, stanchion};
use crate::server::{Server, serve};
use crate::work::work;

pub(super) struct Studio {
    pub(super) server: Server,
    pub(super) key: String,
    folder: TempDir,
}

impl Studio {
    pub(super) async fn open() -> Self {
        Self::with(|program| program).await
    }

    /// `change` is for the server and for the command that makes the key.
    pub(super) async fn with(change: impl Fn(Program) -> Program) -> Self {
        let folder = TempDir::new().expect("a folder");
        let server = Server::start(change(Self::program(folder.path()))).await;
        let scopes = "catalog:read,catalog:write,jobs:admin,jobs:work";
        let key = new_key(change(stanchion(folder.path())), scopes).await;
        Self {
            server,
            key,
            folder,
        }
    }

    /// A server whose pictures lie in a cloud.
    pub(super) fn in_cloud(
        program: Program,
        url: String,
        settings: Vec<(String, String)>,
    ) -> Program {
        let program = program.env("STANCHION_MEDIA__STORE", url);
        let with = |program: Program, (name, value): (String, String)| program.env(name, value);
        settings.into_iter().fold(program, with)
    }

    /// A server that soon sweeps, collects and takes jobs from dead workers.
    fn program(folder: &Path) -> Program {
        Self::quick(serve(folder))
    }

    /// A supervisor of workers for the pictures of this server.
    pub(super) fn work(&self) -> Program {
        Self::quick(work(self.folder.path()))
    }

    fn quick(program: Program) -> Program {
        program
            .env("STANCHION_MEDIA__STORE", "file:media")
            .env("STANCHION_MEDIA__FOLDER", "work")
            .env("STANCHION_MEDIA__SWEEP_MS", "100")
            .env("STANCHION_MEDIA__COLLECT_GRACE_SECONDS", "1")
            .env("STANCHION_JOBS__LEASE_MS", "1000")
            .env("STANCHION_JOBS__SCAN_MS", "100")
    }

    /// Starts the server anew, in the same folder.
    pub(super) async fn restart(&mut self) {
        self.server = Server::start(Self::program(self.folder.path())).await;
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.server.with(&self.key, method, path)
    }

    pub(super) async fn send(&self, method: Method, path: &str) -> Response {
        self.request(method, path).send().await.expect("an answer")
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        let answer = self.send(Method::GET, path).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.json().await.expect("JSON")
    }

    pub(super) async fn is_gone(&self, path: &str) {
        assert_eq!(
            self.send(Method::GET, path).await.status(),
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }

    /// A product on sale; its id.
    pub(super) async fn product(&self, sku: &str) -> String {
        let product = json!({
            "sku": sku, "name": "Lamp", "category": "lamps", "status": "active",
            "price": {"amount": 100, "currency": "EUR"},
        });
        let request = self.request(Method::POST, "/v1/products").json(&product);
        let answer = request.send().await.expect("an answer");
        let made: Value = answer.json().await.expect("JSON");
        made["id"].as_str().expect("an id").to_owned()
    }

    pub(super) async fn delete_product(&self, id: &str) {
        let request = self.request(Method::DELETE, &format!("/v1/products/{id}"));
        let answer = request.header("if-match", "*").send().await;
        assert_eq!(answer.expect("an answer").status(), StatusCode::NO_CONTENT);
    }

    /// Sends the bytes as they are.
    pub(super) async fn offer(&self, product: &str, bytes: Vec<u8>) -> Response {
        let path = format!("/v1/products/{product}/images");
        let request = self.request(Method::POST, &path).body(bytes);
        let request = request.header(CONTENT_TYPE, "application/octet-stream");
        request.send().await.expect("an answer")
    }

    pub(super) async fn upload(&self, product: &str, bytes: Vec<u8>) -> Value {
        accepted(self.offer(product, bytes).await).await
    }

    /// Sends a form with something before the picture and something behind.
    pub(super) async fn upload_form(&self, product: &str, bytes: Vec<u8>) -> Value {
        let body = form(&[("title", b"A lamp"), ("file", &bytes), ("note", b"none")]);
        let path = format!("/v1/products/{product}/images");
        let request = self.request(Method::POST, &path).body(body);
        let request = request.header(CONTENT_TYPE, "multipart/form-data; boundary=border");
        accepted(request.send().await.expect("an answer")).await
    }

    /// Takes the next job of pictures, as a worker over HTTP does.
    pub(super) async fn claim(&self) -> Value {
        let request = self.request(Method::POST, "/v1/queues/pictures/claim");
        let wish = json!({"worker": "somebody", "wait_seconds": 20});
        let answer = request.json(&wish).send().await.expect("an answer");
        let claimed: Value = answer.json().await.expect("JSON");
        claimed["jobs"][0].clone()
    }

    /// The picture, once it has so many renditions.
    pub(super) async fn rendered(&self, image: &str, count: usize) -> Value {
        let path = format!("/v1/images/{image}");
        eventually("the picture is rendered", DEADLINE, || async {
            let image = self.get(&path).await;
            assert_ne!(image["state"], "failed", "{image}");
            image["renditions"]
                .as_array()
                .is_some_and(|all| all.len() >= count)
        })
        .await;
        let image = self.get(&path).await;
        assert_eq!(image["state"], "ready");
        image
    }

    /// The job of a picture, once it is in this state.
    pub(super) async fn job_is(&self, job: &str, state: &str) -> Value {
        let path = format!("/v1/jobs/{job}");
        eventually("the job is where it should be", DEADLINE, || async {
            self.get(&path).await["state"] == state
        })
        .await;
        self.get(&path).await
    }

    pub(super) async fn image_is(&self, image: &str, state: &str) {
        let path = format!("/v1/images/{image}");
        eventually("the picture is where it should be", DEADLINE, || async {
            self.get(&path).await["state"] == state
        })
        .await;
    }

    /// A rendition is served whole, in part, not again, and to anybody.
    pub(super) async fn serves(&self, rendition: &Value) {
        let url = rendition["url"].as_str().expect("a URL");
        let get = || self.server.anonymous(Method::GET, url);
        let whole = get().send().await.expect("an answer");
        assert_eq!(whole.status(), StatusCode::OK, "{rendition}");
        let headers = whole.headers().clone();
        let kind = format!("image/{}", rendition["format"].as_str().expect("a format"));
        assert_eq!(headers[CONTENT_TYPE], kind.as_str());
        assert_eq!(
            headers["cache-control"],
            "public, max-age=31536000, immutable"
        );
        assert_eq!(headers["accept-ranges"], "bytes");
        let tag = headers[ETAG].to_str().expect("a tag").to_owned();
        let bytes = whole.bytes().await.expect("bytes");
        assert_eq!(json!(bytes.len()), rendition["bytes"]);

        let part = get()
            .header(RANGE, "bytes=2-5")
            .header(IF_RANGE, &tag)
            .send()
            .await;
        let part = part.expect("an answer");
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
        let range = format!("bytes 2-5/{}", bytes.len());
        assert_eq!(part.headers()["content-range"], range.as_str());
        assert_eq!(part.bytes().await.expect("bytes"), bytes[2..6]);
        let beyond = get()
            .header(RANGE, format!("bytes={}-", bytes.len()))
            .send()
            .await;
        let beyond = beyond.expect("an answer");
        assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
        let size = format!("bytes */{}", bytes.len());
        assert_eq!(beyond.headers()["content-range"], size.as_str());
        let known = get()
            .header(IF_NONE_MATCH, &tag)
            .send()
            .await
            .expect("an answer");
        assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
        let head = self
            .server
            .anonymous(Method::HEAD, url)
            .header(RANGE, "bytes=2-5")
            .send()
            .await
            .expect("an answer");
        assert_eq!(head.status(), StatusCode::OK);
        assert_eq!(
            head.headers()["content-length"],
            bytes.len().to_string().as_str()
        );
    }

    /// The objects in the folder of the pictures.
    pub(super) fn stored(&self) -> Vec<PathBuf> {
        files(&self.folder.path().join("media"))
    }

    /// What uploads and renderings have left in their folder.
    pub(super) fn left_over(&self) -> Vec<PathBuf> {
        files(&self.folder.path().join("work"))
    }
}

async fn accepted(answer: Response) -> Value {
    let status = answer.status();
    let body: Value = answer.json().await.expect("JSON");
    assert_eq!(status, StatusCode::ACCEPTED, "{body}");
    body
}

/// A form with these parts, in this order.
pub(super) fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, content) in parts {
        let head = format!("--border\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--border--\r\n");
    body
}

/// A photograph in all eight orientations, each with whether it is wider than high once it is upright: real ones where they are,
/// or one that is generated and turned by its tag alone.
pub(super) fn oriented() -> Vec<(Vec<u8>, bool)> {
    let folder = std::env::var_os("STANCHION_DATA").map(PathBuf::from);
    let folder = folder.map(|data| data.join("images/exif-orientation"));
    if let Some(folder) = folder.filter(|folder| folder.is_dir()) {
        eprintln!("pictures: {}", folder.display());
        let read = |tag| std::fs::read(folder.join(format!("Landscape_{tag}.jpg")));
        return (1..=8)
            .map(|tag| (read(tag).expect("a file"), true))
            .collect();
    }
    eprintln!("pictures: generated");
    let picture = stanchion_media::demo::picture(9, "lamps").expect("a picture");
    (1..=8)
        .map(|tag| (turned(&picture, tag), tag < 5))
        .collect()
}

/// The picture with a tag of EXIF that says how it is to be turned.
fn turned(jpeg: &[u8], tag: u8) -> Vec<u8> {
    let entry = [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, tag, 0, 0];
    let body = [b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01", &entry[..], &[0; 4]].concat();
    let length = u16::try_from(body.len() + 2).expect("a short segment");
    [
        &jpeg[..2],
        &[0xff, 0xe1],
        &length.to_be_bytes(),
        &body,
        &jpeg[2..],
    ]
    .concat()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries
        .map(|entry| entry.expect("an entry").path())
        .collect()
}
