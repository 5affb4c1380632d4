//! Tokens: what is accepted, and everything that is not.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::StatusCode;
use serde_json::{Value, json};
use stanchion_http::AuthConfig;
use stanchion_kernel::Clock;
use stanchion_testkit::{TempDir, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::world::{Options, SOON, World};

const RSA: &[u8] = include_bytes!("tokens/rsa_for_tests.pem");
const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "stanchion-tests";

/// A key that signs tokens, with what is published of it.
struct Signer {
    key: EncodingKey,
    algorithm: Algorithm,
    kid: &'static str,
    public: Value,
}

impl Signer {
    fn rsa(kid: &'static str) -> Self {
        let key = EncodingKey::from_rsa_pem(RSA).unwrap();
        let public = published(&key, Algorithm::RS256);
        Self {
            key,
            algorithm: Algorithm::RS256,
            kid,
            public,
        }
    }

    fn ec(kid: &'static str) -> Self {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let key = EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap();
        let public = published(&key, Algorithm::ES256);
        Self {
            key,
            algorithm: Algorithm::ES256,
            kid,
            public,
        }
    }

    fn ed(kid: &'static str) -> Self {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let key = EncodingKey::from_ed_pem(pair.serialize_pem().as_bytes()).unwrap();
        let x = base64_url(pair.public_key_raw());
        let public = json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": x});
        Self {
            key,
            algorithm: Algorithm::EdDSA,
            kid,
            public,
        }
    }

    fn jwk(&self) -> Value {
        let mut jwk = self.public.clone();
        jwk["kid"] = json!(self.kid);
        jwk
    }

    fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.kid.to_owned());
        encode(&header, claims, &self.key).unwrap()
    }
}

fn published(key: &EncodingKey, algorithm: Algorithm) -> Value {
    serde_json::to_value(Jwk::from_encoding_key(key, algorithm).unwrap()).unwrap()
}

fn now() -> i64 {
    Clock::system().now().as_millis() / 1000
}

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "shop", "exp": now() + 600, "scope": "openid catalog:write"})
}

fn changed(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    if claims[name].is_null() {
        claims.as_object_mut().unwrap().remove(name);
    }
    claims
}

fn config(source: &str) -> Options {
    let auth = AuthConfig {
        jwks: Some(source.to_owned()),
        issuer: Some(ISSUER.to_owned()),
        audience: Some(AUDIENCE.to_owned()),
        leeway_seconds: 5,
        jwks_unknown_kid_seconds: 1,
        ..AuthConfig::default()
    };
    Options {
        auth,
        ..Options::default()
    }
}

async fn with_keys(keys: &[Value]) -> (World, TempDir) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("jwks.json");
    std::fs::write(&file, json!({"keys": keys}).to_string()).unwrap();
    (World::with(config(file.to_str().unwrap())).await, folder)
}

async fn status(world: &World, token: &str) -> StatusCode {
    world
        .get("/v1/products/export")
        .bearer_auth(token)
        .send()
        .await
        .unwrap()
        .status()
}

#[tokio::test]
async fn tokens_signed_with_rs256_es256_and_eddsa_are_accepted() {
    let signers = [Signer::rsa("r"), Signer::ec("e"), Signer::ed("d")];
    let (world, _folder) = with_keys(&signers.each_ref().map(Signer::jwk)).await;
    for signer in &signers {
        assert_eq!(
            status(&world, &signer.sign(&claims())).await,
            StatusCode::OK,
            "{}",
            signer.kid
        );
        let scp = json!(["catalog:read"]);
        let mut listed = changed("scope", Value::Null);
        listed["scp"] = scp;
        assert_eq!(status(&world, &signer.sign(&listed)).await, StatusCode::OK);
        let none = signer.sign(&changed("scope", json!("openid ops:everything")));
        assert_eq!(status(&world, &none).await, StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn a_token_with_a_wrong_claim_is_refused() {
    let signer = Signer::ed("d");
    let (world, _folder) = with_keys(&[signer.jwk()]).await;
    for (name, value) in [
        ("iss", json!("https://other.example")),
        ("iss", Value::Null),
        ("aud", json!("another-service")),
        ("aud", Value::Null),
        ("exp", json!(now() - 60)),
        ("exp", Value::Null),
        ("exp", json!("never")),
        ("nbf", json!(now() + 60)),
        ("sub", Value::Null),
        ("sub", json!("")),
        ("sub", json!("s".repeat(300))),
    ] {
        let token = signer.sign(&changed(name, value.clone()));
        assert_eq!(
            status(&world, &token).await,
            StatusCode::UNAUTHORIZED,
            "{name} = {value}"
        );
    }
    for (name, value) in [
        ("aud", json!(["another-service", AUDIENCE])),
        ("exp", json!(now() - 2)),
        ("nbf", json!(now() + 2)),
    ] {
        let token = signer.sign(&changed(name, value.clone()));
        assert_eq!(
            status(&world, &token).await,
            StatusCode::OK,
            "{name} = {value}"
        );
    }
}

#[tokio::test]
async fn a_token_cannot_choose_how_it_is_checked() {
    let (rsa, ed) = (Signer::rsa("r"), Signer::ed("d"));
    let symmetric = json!({"kty": "oct", "kid": "o", "alg": "HS256", "k": "c2VjcmV0"});
    let (world, _folder) = with_keys(&[rsa.jwk(), ed.jwk(), symmetric]).await;
    let forged = |header: Value| {
        let part = |value: &Value| base64_url(value.to_string().as_bytes());
        format!("{}.{}", part(&header), part(&claims()))
    };
    let unsigned = forged(json!({"alg": "none", "typ": "JWT"}));
    let hmac = |kid: &str, secret: &[u8]| {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(kid.to_owned());
        encode(&header, &claims(), &EncodingKey::from_secret(secret)).unwrap()
    };
    let modulus = rsa.jwk()["n"].as_str().unwrap().to_owned();
    let other = Signer {
        kid: "r",
        ..Signer::ed("x")
    };
    let renamed = Signer {
        kid: "nobody",
        ..Signer::ed("x")
    };
    let good = ed.sign(&claims());
    let (body, signature) = good.rsplit_once('.').unwrap();
    for (why, token) in [
        ("no signature", format!("{unsigned}.")),
        ("a made-up signature", format!("{unsigned}.AAAA")),
        ("the public key as a secret", hmac("r", modulus.as_bytes())),
        ("a symmetric key of the set", hmac("o", b"secret")),
        ("another key under a known name", other.sign(&claims())),
        ("an unknown name", renamed.sign(&claims())),
        ("a cut signature", format!("{body}.{}", &signature[..20])),
        ("no parts", "a.b".to_owned()),
        ("empty parts", "..".to_owned()),
    ] {
        assert_eq!(
            status(&world, &token).await,
            StatusCode::UNAUTHORIZED,
            "{why}"
        );
    }
    assert_eq!(status(&world, &good).await, StatusCode::OK);
}

#[tokio::test]
async fn without_a_jwks_no_token_is_accepted() {
    let world = World::start().await;
    assert_eq!(
        status(&world, &Signer::ed("d").sign(&claims())).await,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_new_key_of_a_url_is_found_and_the_last_good_set_outlives_a_failure() {
    let (first, second) = (Signer::ed("first"), Signer::ec("second"));
    let issuer = Issuer::start(&json!({"keys": [first.jwk()]}).to_string()).await;
    let world = World::with(config(&format!("http://{}/jwks", issuer.address))).await;
    assert_eq!(status(&world, &first.sign(&claims())).await, StatusCode::OK);

    issuer.serve(&json!({"keys": [first.jwk(), second.jwk()]}).to_string());
    let token = second.sign(&claims());
    eventually("the new key is found", SOON, || async {
        status(&world, &token).await == StatusCode::OK
    })
    .await;

    for broken in ["", "not JSON", "{\"keys\":[]}", &"x".repeat(300 * 1024)] {
        let asked = issuer.asked();
        issuer.serve(broken);
        let unknown = Signer {
            kid: "third",
            ..Signer::ed("x")
        }
        .sign(&claims());
        eventually("an unknown key has the set fetched", SOON, || async {
            assert_eq!(status(&world, &unknown).await, StatusCode::UNAUTHORIZED);
            issuer.asked() > asked
        })
        .await;
        assert_eq!(status(&world, &first.sign(&claims())).await, StatusCode::OK);
    }
}

#[tokio::test]
async fn unknown_keys_do_not_have_the_set_fetched_again_and_again() {
    let known = Signer::ed("known");
    let issuer = Issuer::start(&json!({"keys": [known.jwk()]}).to_string()).await;
    let mut options = config(&format!("http://{}/jwks", issuer.address));
    options.auth.jwks_unknown_kid_seconds = 3_600;
    let world = World::with(options).await;
    for _ in 0..20 {
        let token = Signer {
            kid: "unknown",
            ..Signer::ed("x")
        }
        .sign(&claims());
        assert_eq!(status(&world, &token).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(issuer.asked(), 1, "only at the start");
}

fn base64_url(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

/// An HTTP server with one document.
struct Issuer {
    address: SocketAddr,
    state: Arc<Mutex<(String, u32)>>,
    task: tokio::task::JoinHandle<()>,
}

impl Issuer {
    async fn start(document: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new((document.to_owned(), 0)));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let document = {
                    let mut state = shared.lock().unwrap();
                    state.1 += 1;
                    state.0.clone()
                };
                let mut head = [0; 2048];
                let _ = stream.read(&mut head).await;
                let length = document.len();
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
                );
                let _ = stream.write_all((head + &document).as_bytes()).await;
            }
        });
        Self {
            address,
            state,
            task,
        }
    }

    fn serve(&self, document: &str) {
        self.state.lock().unwrap().0 = document.to_owned();
    }

    fn asked(&self) -> u32 {
        self.state.lock().unwrap().1
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
