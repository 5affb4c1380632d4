//! A server on a free port, over a fresh database.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use stanchion_catalog::Catalog;
use stanchion_http::auth::{ApiKey, Authenticator, Scope};
use stanchion_http::{
    AuthConfig, Drained, Draining, HttpConfig, Listener, NoPictures, Pictures, RouteInfo,
    RouteLimit, Services, Surface,
};
use stanchion_jobs::desk::{Desk, DeskConfig};
use stanchion_jobs::{Broker, Jobs};
use stanchion_kernel::{Clock, Entropy, Ids};
use stanchion_limiter::port::{Memory, MemoryConfig, Shadow};
use stanchion_limiter::registry::{self, Registry};
use stanchion_limiter::{Limit, Limiter};
use stanchion_stock::{Stock, StockConfig};
use stanchion_store::keys::{Keys, NewKey};
use stanchion_store::{Store, StoreConfig};
use stanchion_testkit::{Database, Postgres, TempDir};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long a test waits for what must come.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// How the server of a test differs.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) http: HttpConfig,
    pub(crate) auth: AuthConfig,
    pub(crate) on_postgres: bool,
    pub(crate) metrics_apart: bool,
    pub(crate) database: Option<fn(&mut StoreConfig)>,
    /// Limits of the configuration, and those of them that stand in front of routes.
    pub(crate) limits: Vec<Limit>,
    pub(crate) route_limits: Vec<RouteLimit>,
    /// The clock of the buckets.
    pub(crate) bucket_clock: Option<Clock>,
    /// What has the pictures; nothing does unless it is set.
    pub(crate) pictures: Option<Arc<dyn Pictures>>,
}

/// Where the database is; it goes with the value.
enum Home {
    Folder(#[expect(dead_code, reason = "kept for its drop")] TempDir),
    Postgres(#[expect(dead_code, reason = "kept for its drop")] Database),
    Elsewhere,
}

/// A running server.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) client: reqwest::Client,
    pub(crate) keys: Keys,
    pub(crate) stock: Stock,
    pub(crate) broker: Broker,
    pub(crate) limits: Registry,
    pub(crate) routes: Vec<RouteInfo>,
    pub(crate) draining: Draining,
    pub(crate) stop: CancellationToken,
    pub(crate) served: Option<JoinHandle<Drained>>,
    scheme: &'static str,
    _home: Home,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let (url, home) = database(options.on_postgres).await;
        Self::at(&url, home, options).await
    }

    /// Over a database that the test brought itself.
    pub(crate) async fn over(url: &str, options: Options) -> Self {
        Self::at(url, Home::Elsewhere, options).await
    }

    async fn at(url: &str, home: Home, options: Options) -> Self {
        let prometheus = recorder();
        let (clock, entropy) = (Clock::system(), Entropy::system());
        let store = open_with(url, options.database).await;
        let ids = Ids::new(clock.clone(), entropy.clone());
        let keys = Keys::new(&store, ids.clone());
        let catalog = Catalog::new(&store, ids.clone());
        let stock = Stock::new(
            &store,
            ids.clone(),
            clock.clone(),
            entropy.clone(),
            StockConfig::default(),
        );
        let auth = Authenticator::open(&options.auth, keys.clone(), clock.clone())
            .await
            .unwrap();
        let bucket_clock = options.bucket_clock.unwrap_or_else(|| clock.clone());
        let limits = limits(&store, bucket_clock, options.limits).await;
        let draining = Draining::default();
        let stop = CancellationToken::new();
        let broker = Broker::of(&store);
        let services = Services {
            store,
            assortment: Arc::new(catalog.clone()),
            catalog,
            stock: stock.clone(),
            pictures: options.pictures.unwrap_or_else(|| Arc::new(NoPictures)),
            jobs: Jobs::new(broker.port().clone(), ids),
            desk: desk(&broker, &clock, &entropy, &stop),
            auth,
            limits: limits.clone(),
            route_limits: options.route_limits,
            prometheus,
            draining: draining.clone(),
            clock,
            entropy,
            adopt_context: None,
        };
        let scheme = if options.http.tls() { "https" } else { "http" };
        let loopback = "127.0.0.1:0".parse().unwrap();
        let listener = Listener::bind(loopback, &options.http).await.unwrap();
        let address = listener.local_addr().unwrap();
        let surface = Surface::new(options.http, services, options.metrics_apart).unwrap();
        let served = tokio::spawn(listener.serve(surface.router, stop.clone()));
        Self {
            address,
            client: client().build().unwrap(),
            keys,
            stock,
            broker,
            limits,
            routes: surface.routes,
            draining,
            stop,
            served: Some(served),
            scheme,
            _home: home,
        }
    }

    /// A key with these scopes, as its owner holds it.
    pub(crate) async fn key(&self, scopes: &[Scope]) -> String {
        let new = NewKey {
            name: "test".to_owned(),
            scopes: scopes.iter().map(ToString::to_string).collect(),
            expires_in: None,
        };
        let made = self.keys.create(new).await.unwrap();
        ApiKey {
            id: made.record.id,
            secret: made.secret,
        }
        .to_string()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://localhost:{}{path}", self.scheme, self.address.port())
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    /// Makes a product with this SKU and answers what the server sent, with its tag.
    pub(crate) async fn product(&self, writer: &str, sku: &str, status: &str) -> (Value, String) {
        let request = self
            .request(Method::POST, "/v1/products")
            .bearer_auth(writer);
        let response = request.json(&product(sku, status)).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::CREATED);
        let tag = response.headers()["etag"].to_str().unwrap().to_owned();
        (response.json().await.unwrap(), tag)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A client that trusts nobody but is quick to give up.
pub(crate) fn client() -> reqwest::ClientBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .timeout(SOON)
        .no_proxy()
        .resolve("localhost", SocketAddr::from(([127, 0, 0, 1], 0)))
        .redirect(reqwest::redirect::Policy::none())
}

/// A product as a writer sends it.
pub(crate) fn product(sku: &str, status: &str) -> Value {
    json!({
        "sku": sku, "name": format!("Lamp {sku}"), "description": "A lamp.", "category": "lamps",
        "price": {"amount": 4999, "currency": "EUR"}, "attributes": {"colour": "moss"}, "status": status,
    })
}

/// Checks that the answer is a problem of this kind, and answers it.
pub(crate) async fn problem(response: reqwest::Response, name: &str) -> Value {
    let status = response.status();
    let headers = response.headers().clone();
    let text = response.text().await.unwrap();
    assert_eq!(
        headers["content-type"], "application/problem+json",
        "{status} {text}"
    );
    let problem: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(problem["type"], format!("/problems/{name}"), "{problem}");
    assert_eq!(problem["status"], status.as_u16(), "{problem}");
    assert_eq!(
        problem["instance"],
        headers["x-request-id"].to_str().unwrap(),
        "{problem}"
    );
    assert_eq!(headers["cache-control"], "no-store");
    problem
}

fn desk(broker: &Broker, clock: &Clock, entropy: &Entropy, stop: &CancellationToken) -> Desk {
    let config = DeskConfig {
        max_waiting: 2,
        ..DeskConfig::default()
    };
    let (port, stop) = (broker.port().clone(), stop.clone());
    Desk::new(port, config, clock.clone(), entropy.clone(), stop)
}

/// These limits and those in the database, with buckets on this clock.
async fn limits(store: &Store, clock: Clock, fixed: Vec<Limit>) -> Registry {
    let buckets = Memory::new(MemoryConfig::default(), clock);
    let limiter = Limiter::new(Arc::new(Shadow::new(Arc::new(buckets))));
    let limits = Registry::new(store, limiter, fixed);
    limits.reload().await.unwrap();
    limits
}

async fn database(on_postgres: bool) -> (String, Home) {
    if on_postgres {
        let server = Postgres::shared().await;
        let migrate = |url: String| async move { drop(open(&url).await) };
        let database = server.database("http", migrate).await;
        (database.url().to_owned(), Home::Postgres(database))
    } else {
        let folder = TempDir::new().unwrap();
        (
            format!("sqlite:{}", folder.path().join("shop.db").display()),
            Home::Folder(folder),
        )
    }
}

pub(crate) async fn open(url: &str) -> Store {
    open_with(url, None).await
}

async fn open_with(url: &str, change: Option<fn(&mut StoreConfig)>) -> Store {
    let mut config = StoreConfig::new(url);
    if let Some(change) = change {
        change(&mut config);
    }
    let store = Store::open(config, Clock::system(), Entropy::system())
        .await
        .unwrap();
    store
        .migrate(&[
            stanchion_store::MIGRATIONS,
            stanchion_catalog::MIGRATIONS,
            stanchion_stock::MIGRATIONS,
            stanchion_jobs::MIGRATIONS,
            registry::MIGRATIONS,
        ])
        .await
        .unwrap();
    store.ready().await.unwrap();
    store
}

/// The recorder of this process; the first world installs it.
fn recorder() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE
        .get_or_init(|| PrometheusBuilder::new().install_recorder().unwrap())
        .clone()
}
