//! What is sent and no picture, or none that can be rendered.

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use stanchion_media::demo::picture;

use super::studio::{Studio, form};

/// A PNG whose header promises more rows than it has.
fn hollow_png() -> Vec<u8> {
    let rows = [&[0][..], &[9; 900]].concat().repeat(100);
    let mut data = Vec::new();
    // Stored blocks of deflate, each with its length and the complement of it.
    data.extend_from_slice(&[0x78, 0x01]);
    let chunks: Vec<&[u8]> = rows.chunks(60_000).collect();
    for (index, block) in chunks.iter().enumerate() {
        let length = u16::try_from(block.len()).expect("a short block");
        data.push(u8::from(index + 1 == chunks.len()));
        data.extend_from_slice(&length.to_le_bytes());
        data.extend_from_slice(&(!length).to_le_bytes());
        data.extend_from_slice(block);
    }
    data.extend_from_slice(&adler32(&rows).to_be_bytes());
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let header = [
        &300_u32.to_be_bytes()[..],
        &200_u32.to_be_bytes(),
        &[8, 2, 0, 0, 0],
    ]
    .concat();
    for (kind, body) in [(b"IHDR", header), (b"IDAT", data), (b"IEND", Vec::new())] {
        png.extend_from_slice(&u32::try_from(body.len()).expect("a length").to_be_bytes());
        let named = [&kind[..], &body].concat();
        png.extend_from_slice(&named);
        png.extend_from_slice(&crc32(&named).to_be_bytes());
    }
    png
}

fn adler32(bytes: &[u8]) -> u32 {
    let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    b << 16 | a
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 }
        })
    };
    !bytes.iter().fold(u32::MAX, step)
}

#[tokio::test]
async fn what_is_no_picture_is_refused_by_what_is_wrong_with_it() {
    let studio = Studio::with(|program| program.env("STANCHION_MEDIA__MAX_BYTES", "200000")).await;
    let product = studio.product("A-1").await;
    let whole = picture(1, "lamps").expect("a picture");
    let mut bomb = whole.clone();
    let frame = bomb
        .windows(2)
        .position(|two| two == [0xff, 0xc0])
        .expect("a frame");
    bomb[frame + 5..frame + 9].copy_from_slice(&[0xea, 0x60, 0xea, 0x60]);
    let cut = whole[..whole.len() / 2].to_vec();
    for (bytes, status, problem) in [
        (b"hello".to_vec(), 415, "unsupported-media-type"),
        (Vec::new(), 415, "unsupported-media-type"),
        (
            b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(),
            415,
            "unsupported-media-type",
        ),
        (
            b"%!PS-Adobe-3.0 EPSF-3.0 and more".to_vec(),
            415,
            "unsupported-media-type",
        ),
        (cut, 422, "bad-picture"),
        (bomb, 422, "bad-picture"),
        (whole.repeat(20), 413, "payload-too-large"),
    ] {
        let answer = studio.offer(&product, bytes).await;
        assert_eq!(answer.status().as_u16(), status, "{problem}");
        let said: Value = answer.json().await.expect("JSON");
        assert_eq!(said["type"], format!("/problems/{problem}"), "{said}");
    }
    has_nothing(&studio, &product).await;
}

/// Neither the product nor the folder has anything of what was refused.
async fn has_nothing(studio: &Studio, product: &str) {
    assert!(studio.left_over().is_empty(), "{:?}", studio.left_over());
    let product = studio.get(&format!("/v1/products/{product}")).await;
    assert_eq!(product["images"], json!([]));
}

#[tokio::test]
async fn a_request_that_brings_no_picture_is_refused() {
    let studio = Studio::with(|program| program.env("STANCHION_MEDIA__MAX_BYTES", "200000")).await;
    let product = studio.product("A-1").await;
    let whole = picture(1, "lamps").expect("a picture");
    let nobody = "0190a5c1-0000-7000-8000-000000000000";
    let answer = studio.offer(nobody, whole.clone()).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    let path = format!("/v1/products/{product}/images");
    let filler = vec![b'a'; 1_000_000];
    for (kind, body, status) in [
        ("application/json", whole.clone(), 415),
        ("multipart/form-data", form(&[("file", &whole)]), 400),
        (
            "multipart/form-data; boundary=border",
            form(&[("picture", &whole)]),
            400,
        ),
        (
            "multipart/form-data; boundary=border",
            b"--border\r\n".to_vec(),
            400,
        ),
        // The picture does not begin soon enough: the form is refused for that, long before it is too large.
        ("multipart/form-data; boundary=border", filler.clone(), 400),
        (
            "multipart/form-data; boundary=border",
            [b"--border\r\nx: ", &filler[..]].concat(),
            400,
        ),
        (
            "multipart/form-data; boundary=border",
            form(&[("title", &filler[..190_000]), ("file", &whole)]),
            400,
        ),
        (
            "multipart/form-data; boundary=border",
            form(&[("file", &whole.repeat(20))]),
            413,
        ),
    ] {
        let request = studio.request(Method::POST, &path).body(body);
        let answer = request
            .header(CONTENT_TYPE, kind)
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status().as_u16(), status, "{kind}");
    }
    has_nothing(&studio, &product).await;
}

#[tokio::test]
async fn a_product_has_no_more_pictures_than_it_may() {
    let studio = Studio::with(|program| program.env("STANCHION_MEDIA__MAX_PER_PRODUCT", "1")).await;
    let product = studio.product("A-1").await;
    let first = picture(1, "lamps").expect("a picture");
    let taken = studio.upload(&product, first.clone()).await;
    let more = studio
        .offer(&product, picture(2, "lamps").expect("a picture"))
        .await;
    assert_eq!(more.status(), StatusCode::CONFLICT);
    let said: Value = more.json().await.expect("JSON");
    assert_eq!(said["type"], "/problems/too-many-pictures");
    assert_eq!(
        studio.upload(&product, first).await,
        taken,
        "it is there already"
    );
}

#[tokio::test]
async fn a_name_decides_nothing_and_leads_nowhere_else() {
    let studio = Studio::open().await;
    let product = studio.product("A-1").await;
    let taken = studio
        .upload(&product, picture(4, "lamps").expect("a picture"))
        .await;
    let ready = studio
        .rendered(taken["image_id"].as_str().expect("an id"), 3)
        .await;
    let original = studio.stored().into_iter();
    let names = original.filter_map(|path| path.file_name()?.to_str().map(str::to_owned));
    let original = names
        .filter(|name| name.starts_with("o-"))
        .collect::<Vec<_>>();
    assert_eq!(original.len(), 1);
    let key = ready["renditions"][0]["url"]
        .as_str()
        .expect("a URL")
        .to_owned();
    for path in [
        format!("/media/{}", original[0]),
        key.replace(".jpg", ".webp").replace(".jpeg", ".webp"),
        key.to_uppercase().replace("/MEDIA/", "/media/"),
        "/media/..%2fshop.db".to_owned(),
        "/media/%00".to_owned(),
        format!("/media/{}", "a".repeat(500)),
    ] {
        studio.is_gone(&path).await;
    }
}

#[tokio::test]
async fn a_picture_that_cannot_be_rendered_fails_with_its_reason_and_can_be_tried_again() {
    let studio = Studio::open().await;
    let product = studio.product("A-1").await;
    let taken = studio.upload(&product, hollow_png()).await;
    let (image, job) = (taken["image_id"].as_str(), taken["job_id"].as_str());
    let (image, job) = (image.expect("an id"), job.expect("an id"));
    let dead = studio.job_is(job, "dead").await;
    assert_eq!(
        (&dead["reason"], &dead["attempt"]),
        (&json!("permanent"), &json!(1))
    );
    studio.image_is(image, "failed").await;
    let path = format!("/v1/jobs/{job}/retry");
    let retried = studio.send(Method::POST, &path).await;
    assert!(retried.status().is_success(), "{}", retried.status());
    assert_eq!(studio.job_is(job, "dead").await["attempt"], 2);
    // Its neighbours do not mind.
    let good = studio
        .upload(&product, picture(5, "lamps").expect("a picture"))
        .await;
    studio
        .rendered(good["image_id"].as_str().expect("an id"), 6)
        .await;
    assert!(studio.left_over().is_empty(), "{:?}", studio.left_over());
}
