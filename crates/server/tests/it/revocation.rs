use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use stanchion_testkit::{Postgres, Program, TempDir, eventually};

use crate::program::{fail, stanchion, succeed};
use crate::server::{Server, serve, status};

/// One second is promised; the rest is for a busy machine.
const WITHIN: Duration = Duration::from_secs(4);

#[tokio::test]
async fn two_servers_on_one_sqlite_file_see_a_revoked_key() {
    let folder = TempDir::new().expect("a folder");
    see_a_revoked_key(folder.path(), |program| program).await;
}

#[tokio::test]
async fn two_servers_on_postgres_see_a_revoked_key() {
    let folder = TempDir::new().expect("a folder");
    let database = Postgres::shared().await.empty_database().await;
    let url = database.url().to_owned();
    succeed(
        stanchion(folder.path())
            .arg("migrate")
            .env("STANCHION_DATABASE__URL", &url),
    )
    .await;
    see_a_revoked_key(folder.path(), |program| {
        program.env("STANCHION_DATABASE__URL", &url)
    })
    .await;
}

async fn see_a_revoked_key(folder: &Path, on: impl Fn(Program) -> Program) {
    let first = Server::start(on(serve(folder))).await;
    let second = Server::start(on(serve(folder))).await;
    let create = [
        "key",
        "create",
        "--name",
        "shop",
        "--scopes",
        "ops,catalog:write",
        "--expires",
        "1d",
        "--json",
    ];
    for revoke_by_command in [true, false] {
        let made = succeed(on(stanchion(folder)).args(create)).await;
        let made: serde_json::Value = serde_json::from_str(&made).expect("JSON");
        let (id, key) = (
            made["id"].as_str().expect("an id"),
            made["key"].as_str().expect("a key"),
        );
        for server in [&first, &second] {
            assert_eq!(status(server.with(key, Method::GET, "/v1/keys")).await, 200);
        }
        if revoke_by_command {
            succeed(on(stanchion(folder)).args(["key", "revoke", id])).await;
        } else {
            let revoke = first.with(key, Method::DELETE, &format!("/v1/keys/{id}"));
            assert_eq!(status(revoke).await, 204);
            assert_eq!(
                status(first.with(key, Method::GET, "/v1/keys")).await,
                401,
                "at once, where it was revoked"
            );
        }
        for server in [&first, &second] {
            eventually("the revoked key is refused", WITHIN, || async {
                status(server.with(key, Method::GET, "/v1/keys")).await == 401
            })
            .await;
        }
        let complaint = fail(on(stanchion(folder)).args(["key", "revoke", id])).await;
        assert!(complaint.contains("there is no key"), "{complaint}");
    }
    let listed = succeed(on(stanchion(folder)).args(["key", "list"])).await;
    assert_eq!(
        listed
            .lines()
            .filter(|line| line.contains("revoked 2"))
            .count(),
        2,
        "{listed}"
    );
    first.stop().await;
    second.stop().await;
}
