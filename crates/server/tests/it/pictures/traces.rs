//! One trace from the upload of a picture to its last rendition.

use prost::Message;
use stanchion_media::demo::picture;
use stanchion_testkit::eventually;

use super::studio::Studio;
use crate::observed::{bodies, collector};
use crate::program::DEADLINE;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Spans as OTLP sends them, as far as they matter here.
#[derive(Message)]
struct Export {
    #[prost(message, repeated, tag = "1")]
    resources: Vec<OfResource>,
}

#[derive(Message)]
struct OfResource {
    #[prost(message, repeated, tag = "2")]
    scopes: Vec<OfScope>,
}

#[derive(Message)]
struct OfScope {
    #[prost(message, repeated, tag = "2")]
    spans: Vec<Span>,
}

#[derive(Message)]
struct Span {
    #[prost(bytes = "vec", tag = "1")]
    trace: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
}

#[tokio::test]
async fn one_trace_leads_from_the_upload_to_the_last_rendition() {
    let (address, received) = collector().await;
    let studio = Studio::with(|program| {
        let url = format!("http://{address}");
        program.env("STANCHION_TELEMETRY__OTLP_EXPORT", url)
    })
    .await;
    let product = studio.product("A-1").await;
    let path = format!("/v1/products/{product}/images");
    let request = studio.request(reqwest::Method::POST, &path);
    let request = request
        .header("content-type", "image/jpeg")
        .header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"))
        .body(picture(7, "lamps").expect("a picture"));
    let taken: serde_json::Value = request
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    studio
        .rendered(taken["image_id"].as_str().expect("an id"), 6)
        .await;
    studio.server.stop().await;
    let trace = u128::from_str_radix(TRACE, 16).expect("hex").to_be_bytes();
    let names = || -> Vec<String> {
        let exports = bodies(&received).into_iter();
        let exports = exports.filter_map(|body| Export::decode(&*body).ok());
        let spans = exports
            .flat_map(|export| export.resources)
            .flat_map(|resource| resource.scopes)
            .flat_map(|scope| scope.spans);
        let ours = spans.filter(|span| span.trace == trace);
        ours.map(|span| span.name).collect()
    };
    eventually("both jobs have said what they did", DEADLINE, || async {
        names()
            .iter()
            .filter(|name| *name == "picture.render")
            .count()
            == 2
    })
    .await;
    let names = names();
    for wanted in ["POST /v1/products/{id}/images", "fetch", "render", "put"] {
        assert!(
            names.iter().any(|name| name == wanted),
            "{wanted}: {names:?}"
        );
    }
}
