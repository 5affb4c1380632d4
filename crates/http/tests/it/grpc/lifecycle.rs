//! Reflection, health and the end.

use axum::http::uri::PathAndQuery;
use futures_util::StreamExt as _;
use prost::Message as _;
use stanchion_http::Drained;
use stanchion_http::grpc::RateLimitConfig;
use stanchion_http::grpc::messages::SERVICE;
use stanchion_testkit::eventually;
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Code, Streaming};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_prost::ProstCodec;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use super::service::{Service, address, ask, request};
use crate::world::SOON;

async fn reflected(channel: Channel, question: MessageRequest) -> MessageResponse {
    let question = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(question),
    };
    let questions = futures_util::stream::iter([question]);
    let mut client = ServerReflectionClient::new(channel);
    let answers = client.server_reflection_info(questions).await;
    let mut answers = answers.unwrap().into_inner();
    answers
        .next()
        .await
        .unwrap()
        .unwrap()
        .message_response
        .unwrap()
}

#[tokio::test]
async fn the_service_is_listed_and_described() {
    let service = Service::start().await;
    let listed = MessageRequest::ListServices(String::new());
    let MessageResponse::ListServicesResponse(listed) =
        reflected(service.channel().await, listed).await
    else {
        panic!("services are listed");
    };
    assert!(
        listed.service.iter().any(|one| one.name == SERVICE),
        "{listed:?}"
    );
    let symbol = MessageRequest::FileContainingSymbol(SERVICE.to_owned());
    let MessageResponse::FileDescriptorResponse(described) =
        reflected(service.channel().await, symbol).await
    else {
        panic!("the service is described");
    };
    let file = &described.file_descriptor_proto[0];
    let file = prost_types::FileDescriptorProto::decode(&**file).unwrap();
    assert_eq!(file.service[0].method[0].name(), "ShouldRateLimit");
    for import in file.dependency {
        let named = MessageRequest::FileByFilename(import.clone());
        let found = reflected(service.channel().await, named).await;
        let is_file = matches!(found, MessageResponse::FileDescriptorResponse(_));
        assert!(is_file, "{import}: {found:?}");
    }
}

fn of(service: &str) -> HealthCheckRequest {
    let service = service.to_owned();
    HealthCheckRequest { service }
}

async fn health(channel: Channel, service: &str) -> ServingStatus {
    let answer = HealthClient::new(channel).check(of(service)).await;
    answer.unwrap().into_inner().status()
}

/// The next status of a watch; `None` when it has ended.
async fn next(watch: &mut Streaming<HealthCheckResponse>) -> Option<ServingStatus> {
    let next = watch.next().await?;
    Some(next.unwrap().status())
}

#[tokio::test]
async fn a_server_that_drains_says_so_and_still_answers() {
    let service = Service::start().await;
    let channel = service.channel().await;
    for name in ["", SERVICE] {
        let status = health(channel.clone(), name).await;
        assert_eq!(status, ServingStatus::Serving);
    }
    let watched = HealthClient::new(channel.clone()).watch(of(SERVICE)).await;
    let mut watched = watched.unwrap().into_inner();
    assert_eq!(next(&mut watched).await, Some(ServingStatus::Serving));
    service.draining.cancel();
    assert_eq!(next(&mut watched).await, Some(ServingStatus::NotServing));
    for name in ["", SERVICE] {
        let status = health(channel.clone(), name).await;
        assert_eq!(status, ServingStatus::NotServing);
    }
    let asked = ask(channel.clone(), request(vec![address("a")])).await;
    assert!(asked.is_ok());
    let address = service.address;
    assert_eq!(
        service.end().await,
        Drained::Clean,
        "a watch holds nothing up"
    );
    assert_eq!(next(&mut watched).await, None);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_server_that_stops_at_once_tells_those_who_watch() {
    let service = Service::start().await;
    let watched = HealthClient::new(service.channel().await)
        .watch(of(""))
        .await;
    let mut watched = watched.unwrap().into_inner();
    assert_eq!(next(&mut watched).await, Some(ServingStatus::Serving));
    assert_eq!(service.end().await, Drained::Clean);
    assert_eq!(next(&mut watched).await, Some(ServingStatus::NotServing));
    assert_eq!(next(&mut watched).await, None);
}

#[tokio::test]
async fn those_who_watch_are_bounded_and_do_not_keep_others_from_asking() {
    let config = RateLimitConfig {
        max_watchers: 1,
        ..RateLimitConfig::default()
    };
    let service = Service::with(config).await;
    let channel = service.channel().await;
    let mut health = HealthClient::new(channel.clone());
    let watched = health.watch(of("")).await.unwrap();
    let refused = health.check(of("")).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(
        ask(channel.clone(), request(vec![address("a")]))
            .await
            .is_ok()
    );
    drop(watched);
    let is_free = || {
        let mut health = health.clone();
        async move { health.check(of("")).await.is_ok() }
    };
    let what = "the place is free again";
    eventually(what, SOON, is_free).await;
}

#[tokio::test]
async fn an_unknown_method_is_unimplemented() {
    let service = Service::start().await;
    let channel = service.channel().await;
    for path in [
        "/no.such.Service/Method",
        "/envoy.service.ratelimit.v3.RateLimitService/No",
    ] {
        let mut grpc = Grpc::new(channel.clone());
        grpc.ready().await.unwrap();
        let codec = ProstCodec::<HealthCheckRequest, HealthCheckResponse>::default();
        let path = PathAndQuery::from_static(path);
        let answer = grpc.unary(tonic::Request::new(of("")), path, codec).await;
        assert_eq!(answer.unwrap_err().code(), Code::Unimplemented);
    }
}
