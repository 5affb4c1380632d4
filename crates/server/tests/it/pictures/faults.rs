//! Processes that die while a picture is in their hands.

use std::fs;

use jpeg_encoder::{ColorType, Encoder};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use stanchion_media::demo::picture;
use stanchion_testkit::{Program, S3, eventually};

use super::studio::Studio;
use crate::program::{DEADLINE, succeed};

/// A picture that takes a while.
fn large(seed: u8) -> Vec<u8> {
    let (width, height) = (6_000_u16, 4_000_u16);
    let pixels = usize::from(width) * usize::from(height) * 3;
    let pixels: Vec<u8> = (0..pixels)
        .map(|n| (n % 251) as u8 ^ (n / 18_000) as u8 ^ seed)
        .collect();
    let mut bytes = Vec::new();
    let encoder = Encoder::new(&mut bytes, 90);
    encoder
        .encode(&pixels, width, height, ColorType::Rgb)
        .expect("encoded");
    bytes
}

/// The processes of a server that render.
fn renderers(server: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{server}/task"))
        .into_iter()
        .flatten();
    let children =
        tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
    let children: String = children.collect();
    children
        .split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .collect()
}

/// Waits for one.
async fn renderer(server: u32) -> u32 {
    eventually("a picture is being rendered", DEADLINE, || async {
        !renderers(server).is_empty()
    })
    .await;
    renderers(server)[0]
}

async fn kill(pid: u32) {
    succeed(Program::new("kill").args(["-9", &pid.to_string()])).await;
}

#[tokio::test]
async fn the_process_that_renders_has_bounds_and_ends_with_its_worker() {
    let mut studio = Studio::open().await;
    let product = studio.product("A-1").await;
    let taken = studio.upload(&product, large(1)).await;
    let image = taken["image_id"].as_str().expect("an id");
    let child = renderer(studio.server.running.pid()).await;
    let limits = || fs::read_to_string(format!("/proc/{child}/limits")).expect("limits");
    eventually("it has confined itself", DEADLINE, || async {
        !limits().contains("Max address space         unlimited")
    })
    .await;
    let limits = limits();
    for (name, most) in [
        ("Max address space", 2_000_000_000),
        ("Max cpu time", 32),
        ("Max file size", 64 << 20),
        ("Max core file size", 0),
        ("Max open files", 32),
    ] {
        let line = limits
            .lines()
            .find(|line| line.starts_with(name))
            .expect("a limit");
        let hard = line[name.len()..]
            .split_whitespace()
            .nth(1)
            .expect("a number");
        let hard: u64 = hard.parse().unwrap_or_else(|_| panic!("{line}"));
        assert!(hard <= most, "{line}");
    }
    studio.server.running.kill9();
    eventually(
        "the process has ended with its worker",
        DEADLINE,
        || async { !fs::exists(format!("/proc/{child}/stat")).is_ok_and(|is_there| is_there) },
    )
    .await;
    studio.restart().await;
    studio.rendered(image, 6).await;
    let job = studio.get(&format!("/v1/jobs/{image}")).await;
    assert_eq!(job["lost_leases"], 1, "{job}");
}

#[tokio::test]
async fn a_picture_that_two_processes_die_of_is_put_aside_and_its_neighbours_are_not() {
    let studio = Studio::open().await;
    let product = studio.product("A-1").await;
    let taken = studio.upload(&product, large(2)).await;
    let image = taken["image_id"].as_str().expect("an id");
    let server = studio.server.running.pid();
    let first = renderer(server).await;
    kill(first).await;
    eventually("the next attempt renders", DEADLINE, || async {
        renderers(server).first().is_some_and(|pid| *pid != first)
    })
    .await;
    kill(renderers(server)[0]).await;
    let dead = studio.job_is(image, "dead").await;
    assert_eq!(dead["reason"], "poison", "{dead}");
    assert_eq!(dead["attempts"][0]["reason"], "crash", "{dead}");
    studio.image_is(image, "failed").await;
    let good = studio
        .upload(&product, picture(6, "lamps").expect("a picture"))
        .await;
    studio
        .rendered(good["image_id"].as_str().expect("an id"), 3)
        .await;
    // Replayed, it is rendered after all, since it was not to blame.
    let replay = studio.request(Method::POST, "/v1/dead-letters/replay");
    let replay = replay.json(&json!({"filter": {"queue": "pictures", "reason": "poison"}}));
    let replayed = replay.send().await.expect("an answer");
    assert!(replayed.status().is_success(), "{}", replayed.status());
    studio.image_is(image, "ready").await;
    studio.rendered(image, 6).await;
}

#[tokio::test]
async fn a_picture_whose_job_somebody_completed_without_rendering_it_is_given_up() {
    let studio = Studio::with(|program| program.env("STANCHION_JOBS__INSIDE", "false")).await;
    let product = studio.product("A-1").await;
    let taken = studio
        .upload(&product, picture(7, "lamps").expect("a picture"))
        .await;
    let image = taken["image_id"].as_str().expect("an id");
    let claimed = studio.claim().await;
    assert_eq!(claimed["id"], taken["job_id"]);
    let path = format!("/v1/jobs/{image}/complete");
    let fence = json!({"attempt": claimed["attempt"], "lease": claimed["lease"]});
    let completed = studio.request(Method::POST, &path).json(&fence).send();
    let status = completed.await.expect("an answer").status();
    assert!(status.is_success(), "{status}");
    studio.image_is(image, "failed").await;
}

#[tokio::test]
async fn an_upload_hears_of_an_object_store_that_is_away_and_leaves_nothing() {
    let cloud = S3::start().await;
    let in_cloud =
        |program: Program| Studio::in_cloud(program, cloud.url("pictures"), cloud.settings());
    let studio = Studio::with(in_cloud).await;
    let product = studio.product("A-1").await;
    drop(cloud);
    let refused = studio
        .offer(&product, picture(8, "lamps").expect("a picture"))
        .await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    let said: Value = refused.json().await.expect("JSON");
    assert_eq!(said["type"], "/problems/unavailable", "{said}");
    assert!(studio.left_over().is_empty(), "{:?}", studio.left_over());
    let shown = studio.get(&format!("/v1/products/{product}")).await;
    assert_eq!(shown["images"], json!([]));
}

/// A job of the server's own kind, as anybody may enqueue one who may work.
async fn enqueue(studio: &Studio, args: &Value) -> String {
    let job = json!({"kind": "picture.render", "queue": "pictures", "args": args});
    let enqueued = studio.request(Method::POST, "/v1/jobs").json(&job).send();
    let enqueued = enqueued.await.expect("an answer");
    assert!(enqueued.status().is_success(), "{}", enqueued.status());
    let enqueued: Value = enqueued.json().await.expect("JSON");
    enqueued["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn a_picture_is_never_shown_as_another_and_one_that_is_gone_is_not_rendered() {
    let outside = |program: Program| program.env("STANCHION_JOBS__INSIDE", "false");
    let mut studio = Studio::with(outside).await;
    let (kept, deleted) = (studio.product("A-1").await, studio.product("A-2").await);
    let mut waiting = Vec::new();
    for (product, seed) in [(&kept, 9), (&deleted, 10)] {
        let bytes = picture(seed, "lamps").expect("a picture");
        let taken = studio.upload(product, bytes).await;
        let job = taken["job_id"].as_str().expect("an id");
        waiting.push(studio.get(&format!("/v1/jobs/{job}")).await);
    }
    let [mut forged, gone] = [0, 1].map(|index: usize| waiting[index]["args"].clone());
    forged["task"]["original"] = gone["task"]["original"].clone();
    studio.delete_product(&deleted).await;
    eventually("its original is collected", DEADLINE, || async {
        studio.stored().len() == 1
    })
    .await;
    let (forged, gone) = (
        enqueue(&studio, &forged).await,
        enqueue(&studio, &gone).await,
    );
    studio.restart().await;
    studio.job_is(&gone, "completed").await;
    let refused = studio.job_is(&forged, "dead").await;
    assert_eq!(refused["reason"], "permanent", "{refused}");
    let image = waiting[0]["args"]["picture"].as_str().expect("an id");
    studio.rendered(image, 6).await;
}
