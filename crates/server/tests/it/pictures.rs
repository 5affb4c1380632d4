//! Pictures in a running server, from their upload to their last rendition, and what can happen to them on the way.

mod faults;
mod fleet;
mod process;
mod refused;
mod studio;
mod traces;

use reqwest::{Method, StatusCode};
use serde_json::json;
use stanchion_media::demo::picture;
use stanchion_testkit::{Azure, Postgres, Program, S3, eventually};

use crate::program::DEADLINE;
use studio::Studio;

/// From the upload of a picture to its removal.
async fn a_picture_lives(studio: &Studio) {
    let product = studio.product("A-1").await;
    let taken = studio
        .upload(&product, picture(1, "lamps").expect("a picture"))
        .await;
    let image = taken["image_id"].as_str().expect("an id");
    let ready = studio.rendered(image, 6).await;
    assert_eq!(ready["media_type"], "image/jpeg");
    assert_eq!(
        (&ready["width"], &ready["height"]),
        (&json!(800), &json!(600))
    );
    let sizes = ready["renditions"].as_array().expect("renditions").iter();
    let sizes = sizes.map(|one| {
        (
            one["format"].clone(),
            one["width"].clone(),
            one["height"].clone(),
        )
    });
    let expected = ["jpeg", "webp"].into_iter().flat_map(|format| {
        [(800, 600), (600, 450), (200, 150)].map(|(w, h)| (json!(format), json!(w), json!(h)))
    });
    assert!(sizes.eq(expected), "{ready}");
    for rendition in ready["renditions"].as_array().expect("renditions") {
        studio.serves(rendition).await;
    }
    let shown = studio.get(&format!("/v1/products/{product}")).await;
    assert_eq!(
        shown["images"],
        json!([ready]),
        "the picture is part of its product"
    );
    let job = studio
        .get(&format!(
            "/v1/jobs/{}",
            taken["job_id"].as_str().expect("an id")
        ))
        .await;
    assert_eq!(
        (&job["state"], &job["attempt"]),
        (&json!("completed"), &json!(1))
    );

    // The same bytes are the same picture; in a form they are no others.
    let bytes = picture(1, "lamps").expect("a picture");
    assert_eq!(studio.upload(&product, bytes.clone()).await, taken);
    assert_eq!(studio.upload_form(&product, bytes).await, taken);

    let removed = studio
        .send(Method::DELETE, &format!("/v1/images/{image}"))
        .await;
    assert_eq!(removed.status(), StatusCode::NO_CONTENT);
    studio.is_gone(&format!("/v1/images/{image}")).await;
    let url = ready["renditions"][0]["url"].as_str().expect("a URL");
    is_collected(studio, url).await;
}

/// A rendition goes, and then also for who has it still.
async fn is_collected(studio: &Studio, url: &str) {
    eventually("the rendition is collected", DEADLINE, || async {
        studio.send(Method::GET, url).await.status() == StatusCode::NOT_FOUND
    })
    .await;
    let tag = url.replace("/media/", "\"") + "\"";
    let known = studio.request(Method::GET, url);
    let known = known.header("if-none-match", tag).send().await;
    let known = known.expect("an answer");
    assert_eq!(known.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_picture_is_taken_rendered_served_removed_and_collected() {
    let studio = Studio::open().await;
    a_picture_lives(&studio).await;
    eventually("nothing is left of it", DEADLINE, || async {
        studio.stored().is_empty() && studio.left_over().is_empty()
    })
    .await;
}

#[tokio::test]
async fn pictures_lie_on_postgres_and_s3_by_two_settings() {
    let (database, cloud) = (Postgres::shared().await, S3::start().await);
    let database = database.empty_database().await;
    let program = |program: Program| {
        let program = program
            .env("STANCHION_DATABASE__URL", database.url())
            .env("STANCHION_DATABASE__AUTO_MIGRATE", "true");
        Studio::in_cloud(program, cloud.url("pictures"), cloud.settings())
    };
    a_picture_lives(&Studio::with(program).await).await;
}

#[tokio::test]
async fn pictures_lie_on_azure_by_one_setting() {
    let cloud = Azure::start().await;
    let program =
        |program: Program| Studio::in_cloud(program, cloud.url("pictures"), cloud.settings());
    a_picture_lives(&Studio::with(program).await).await;
}

#[tokio::test]
async fn the_pictures_of_a_deleted_product_are_collected_and_those_that_others_have_are_not() {
    let studio = Studio::open().await;
    let (kept, deleted) = (studio.product("A-1").await, studio.product("A-2").await);
    let bytes = picture(2, "lamps").expect("a picture");
    let mut images = Vec::new();
    for product in [&kept, &deleted] {
        let taken = studio.upload(product, bytes.clone()).await;
        images.push(taken["image_id"].as_str().expect("an id").to_owned());
    }
    let ready = studio.rendered(&images[0], 6).await;
    studio.rendered(&images[1], 6).await;
    let other = studio
        .upload(&deleted, picture(3, "lamps").expect("a picture"))
        .await;
    studio
        .rendered(other["image_id"].as_str().expect("an id"), 6)
        .await;
    assert_eq!(
        studio.stored().len(),
        14,
        "two originals with six renditions each"
    );
    studio.delete_product(&deleted).await;
    eventually(
        "only what the other product has is left",
        DEADLINE,
        || async { studio.stored().len() == 7 },
    )
    .await;
    studio.is_gone(&format!("/v1/images/{}", images[1])).await;
    for rendition in ready["renditions"].as_array().expect("renditions") {
        studio.serves(rendition).await;
    }
}

#[tokio::test]
async fn pictures_stand_upright_whatever_their_orientation() {
    let studio = Studio::open().await;
    let product = studio.product("A-1").await;
    for (number, (bytes, is_wide)) in studio::oriented().into_iter().enumerate() {
        let taken = studio.upload(&product, bytes).await;
        let ready = studio
            .rendered(taken["image_id"].as_str().expect("an id"), 3)
            .await;
        let largest = &ready["renditions"][0];
        let (width, height) = (largest["width"].as_i64(), largest["height"].as_i64());
        assert_eq!(width > height, is_wide, "{number}: {ready}");
    }
}
