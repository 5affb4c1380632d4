//! The service on a free port, and messages for it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::uri::PathAndQuery;
use stanchion_http::grpc::messages::{
    Entry, RateLimitDescriptor, RateLimitRequest, RateLimitResponse, SHOULD_RATE_LIMIT,
};
use stanchion_http::grpc::{RateLimit, RateLimitConfig, Rule, RuleEntry, Rules};
use stanchion_http::{Drained, HttpConfig, Listener};
use stanchion_kernel::{Clock, ManualClock, Timestamp};
use stanchion_limiter::port::{Backend, Memory, MemoryConfig};
use stanchion_limiter::{Limit, Limiter, Rate};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_prost::ProstCodec;

use crate::world::SOON;

/// A running service. Its clock stands still, and every bucket is full at first.
pub(super) struct Service {
    pub(super) address: SocketAddr,
    pub(super) draining: CancellationToken,
    pub(super) stop: CancellationToken,
    pub(super) clock: Option<ManualClock>,
    served: JoinHandle<Drained>,
}

/// Three an hour for each address, five an hour for each user whatever the path.
pub(super) fn limits() -> Vec<Limit> {
    let hourly = |name, tokens| {
        let rate = Rate::new(tokens, Duration::from_secs(3_600));
        Limit::new(name, rate, tokens).unwrap()
    };
    vec![hourly("addresses", 3), hourly("users", 5)]
}

pub(super) fn rules() -> Vec<Rule> {
    let any = |key: &str| RuleEntry {
        key: key.to_owned(),
        value: None,
    };
    let rule = |entries, limit: &str, by: Option<&str>| Rule {
        domain: "shop".to_owned(),
        entries,
        limit: limit.to_owned(),
        by: by.map(|key| vec![key.to_owned()]),
    };
    vec![
        rule(vec![any("remote_address")], "addresses", None),
        rule(vec![any("user"), any("path")], "users", Some("user")),
        rule(vec![any("gone")], "no-such-limit", None),
    ]
}

impl Service {
    pub(super) async fn start() -> Self {
        Self::with(RateLimitConfig::default()).await
    }

    pub(super) async fn with(config: RateLimitConfig) -> Self {
        let (clock, hand) = Clock::manual(Timestamp::default());
        let memory = Memory::new(MemoryConfig::default(), clock);
        hand.advance(Duration::from_secs(3_600));
        let mut service = Self::over(Arc::new(memory), config).await;
        service.clock = Some(hand);
        service
    }

    pub(super) async fn over(backend: Arc<dyn Backend>, config: RateLimitConfig) -> Self {
        let limiter = Limiter::new(backend);
        limiter.replace(limits());
        let service = RateLimit::new(limiter, Rules::new(rules()).unwrap(), config);
        let loopback = "127.0.0.1:0".parse().unwrap();
        let listener = Listener::bind(loopback, &HttpConfig::default()).await;
        let listener = listener.unwrap();
        let address = listener.local_addr().unwrap();
        let (draining, stop) = (CancellationToken::new(), CancellationToken::new());
        let served = tokio::spawn(service.serve(listener, draining.clone(), stop.clone()));
        Self {
            address,
            draining,
            stop,
            clock: None,
            served,
        }
    }

    pub(super) async fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        endpoint.timeout(SOON).connect().await.unwrap()
    }

    pub(super) async fn ask(&self, request: RateLimitRequest) -> Result<RateLimitResponse, Status> {
        ask(self.channel().await, request).await
    }

    /// The code of the error that a request is answered with.
    pub(super) async fn refusal(&self, request: RateLimitRequest) -> Code {
        self.ask(request).await.unwrap_err().code()
    }

    /// Asks the service to end, and says how it ended.
    pub(super) async fn end(self) -> Drained {
        self.stop.cancel();
        let ended = tokio::time::timeout(SOON, self.served).await;
        ended.expect("the service ends").unwrap()
    }
}

pub(super) async fn ask(
    channel: Channel,
    request: RateLimitRequest,
) -> Result<RateLimitResponse, Status> {
    let mut grpc = Grpc::new(channel);
    grpc.ready().await.unwrap();
    let path = PathAndQuery::from_static(SHOULD_RATE_LIMIT);
    let answer = grpc.unary(tonic::Request::new(request), path, ProstCodec::default());
    answer.await.map(tonic::Response::into_inner)
}

pub(super) fn descriptor(pairs: &[(&str, &str)]) -> RateLimitDescriptor {
    let entry = |(key, value): &(&str, &str)| Entry {
        key: (*key).to_owned(),
        value: (*value).to_owned(),
    };
    RateLimitDescriptor {
        entries: pairs.iter().map(entry).collect(),
        hits_addend: None,
        is_negative_hits: false,
    }
}

pub(super) fn address(value: &str) -> RateLimitDescriptor {
    descriptor(&[("remote_address", value)])
}

pub(super) fn request(descriptors: Vec<RateLimitDescriptor>) -> RateLimitRequest {
    RateLimitRequest {
        domain: "shop".to_owned(),
        descriptors,
        hits_addend: 0,
    }
}
