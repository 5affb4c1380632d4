//! KEDA's external scaler of a running server, asked by a generated client.

use std::path::Path;

use serde_json::{Value, json};
use stanchion_testkit::{Program, eventually, free_port};

use crate::jobs::Office;
use crate::program::{DEADLINE, succeed};

fn client(address: &str, arguments: &[&str]) -> Program {
    let client = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keda/client.py");
    Program::new("python")
        .arg(client)
        .arg(address)
        .args(arguments)
}

async fn ask(address: &str, metadata: &[&str]) -> Value {
    let mut arguments = vec!["ask"];
    arguments.extend(metadata);
    let told = succeed(client(address, &arguments)).await;
    serde_json::from_str(&told).expect("JSON")
}

/// What is asked once the scaler has looked.
async fn known(address: &str, metadata: &[&str]) -> Value {
    let known = || async { ask(address, metadata).await["code"] != "UNAVAILABLE" };
    eventually("the load is known", DEADLINE, known).await;
    ask(address, metadata).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keda_is_told_how_many_workers_there_should_be() {
    let address = format!("127.0.0.1:{}", free_port());
    let office = Office::open_with(|program| {
        program
            .env("STANCHION_JOBS__KEDA_LISTEN", &address)
            .env("STANCHION_JOBS__LOOK_MS", "100")
    })
    .await;
    let idle = known(&address, &["queue=mail"]).await;
    assert_eq!(idle["active"], json!(false));
    assert_eq!(idle["specs"], json!([["workers", 1, 1.0]]));
    assert_eq!(idle["values"], json!([["workers", 0, 0.0]]));
    let watch = client(&address, &["watch", "queue=mail"]).start();
    watch.wait_for_line(r#"{"active": false}"#, DEADLINE).await;

    for n in 0..60 {
        office.enqueue("greet", json!({ "name": n })).await;
    }
    // 60 jobs of an assumed second each, in 10 s, two at once. Arrivals may ask for a little more.
    let mail = ["queue=mail", "drainSeconds=10", "slots=2"];
    let is_active = || async { ask(&address, &mail).await["active"] == json!(true) };
    eventually("there is something to do", DEADLINE, is_active).await;
    watch.wait_for_line(r#"{"active": true}"#, DEADLINE).await;
    let told = ask(&address, &mail).await;
    let (whole, exact) = (&told["values"][0][1], &told["values"][0][2]);
    let exact = exact.as_f64().expect("a number");
    assert!((3.0..=5.0).contains(&exact), "{told}");
    assert_eq!(whole.as_f64(), Some(exact.ceil()), "{told}");
    // A minute to drain in, one at a time, all queues.
    let patient = ask(&address, &[]).await;
    let workers = patient["values"][0][1].as_u64().expect("a number");
    assert!((1..=3).contains(&workers), "{patient}");
    let elsewhere = ask(&address, &["queue=pictures"]).await;
    assert_eq!(elsewhere["active"], json!(false));

    let refused = ask(&address, &["queue=Two Words"]).await;
    assert_eq!(refused["code"], "INVALID_ARGUMENT");
    office.server.stop().await;
    assert_eq!(watch.wait(DEADLINE).await.code(), Some(0));
    assert!(
        watch.stdout().contains(r#"{"ended": true}"#),
        "{}",
        watch.stdout()
    );
}
