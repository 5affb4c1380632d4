//! Worker processes that come and go with the pictures.

use serde_json::json;
use stanchion_media::demo::picture;
use stanchion_testkit::eventually;

use super::studio::Studio;
use crate::program::DEADLINE;
use crate::work::metrics_at;

const PICTURES: u64 = 24;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_come_with_many_pictures_and_go_with_the_last_and_none_is_taken_from_its_work() {
    let studio = Studio::with(|program| program.env("STANCHION_JOBS__INSIDE", "false")).await;
    let product = studio.product("A-1").await;
    let mut images = Vec::new();
    for seed in 0..PICTURES {
        let bytes = picture(seed, "lamps").expect("a picture");
        let taken = studio.upload(&product, bytes).await;
        images.push(taken["image_id"].as_str().expect("an id").to_owned());
    }
    let supervisor = studio
        .work()
        .args(["--min", "1", "--max", "3"])
        .env("STANCHION_JOBS__DRAIN_SECONDS", "1")
        .env("STANCHION_JOBS__SMOOTHING_SECONDS", "1")
        .env("STANCHION_JOBS__CALM_SECONDS", "2")
        .start();
    let line = supervisor.wait_for_line("metrics    http", DEADLINE).await;
    let runs = |count: u32| {
        let line = &line;
        move || async move {
            let running = format!("stanchion_jobs_workers{{state=\"running\"}} {count}");
            metrics_at(line).await.lines().any(|line| line == running)
        }
    };
    eventually("there are as many as there may be", DEADLINE, runs(3)).await;
    for image in &images {
        studio.rendered(image, 6).await;
    }
    eventually("only one is left", DEADLINE, runs(1)).await;
    let shown = metrics_at(&line).await;
    for how in ["died", "killed", "not_started"] {
        let none = format!("stanchion_jobs_worker_deaths_total{{how=\"{how}\"}} 0");
        assert!(shown.lines().any(|line| line == none), "{shown}");
    }
    let jobs = studio.get("/v1/jobs?queue=pictures&limit=100").await;
    let jobs = jobs["items"].as_array().expect("jobs");
    assert_eq!(jobs.len() as u64, 2 * PICTURES, "each as JPEG and as WebP");
    for job in jobs {
        let ended = [&job["state"], &job["attempt"], &job["lost_leases"]];
        assert_eq!(ended, [&json!("completed"), &json!(1), &json!(0)], "{job}");
    }
    supervisor.terminate();
    assert_eq!(supervisor.wait(DEADLINE).await.code(), Some(0));
}
