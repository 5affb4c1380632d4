use stanchion_testkit::{Postgres, PostgresOptions, TempDir};

use crate::program::{fail, stanchion, succeed};

#[tokio::test]
async fn a_check_prints_what_would_be_in_effect_and_makes_nothing() {
    let folder = TempDir::new().expect("a folder");
    let check = stanchion(folder.path())
        .args(["serve", "--check", "--listen", "127.0.0.1:9"])
        .env(
            "STANCHION_AUTH__SECRET",
            "hunter2hunter2hunter2hunter2hunter2",
        );
    let printed = succeed(check).await;
    assert!(printed.contains("listen = \"127.0.0.1:9\""), "{printed}");
    assert!(
        printed.contains("secret = \"***\"") && !printed.contains("hunter2"),
        "{printed}"
    );
    assert!(printed.contains("does not exist yet"), "{printed}");
    assert!(!folder.path().join("shop.db").exists());

    succeed(stanchion(folder.path()).arg("export")).await;
    let printed = succeed(stanchion(folder.path()).args(["serve", "--check"])).await;
    assert!(printed.contains("the schema is up to date"), "{printed}");
}

#[tokio::test]
async fn a_check_says_whether_acknowledged_writes_survive_a_failover() {
    let folder = TempDir::new().expect("a folder");
    let postgres = Postgres::start(PostgresOptions::default()).await;
    let database = postgres.empty_database().await;
    let on_postgres = || stanchion(folder.path()).env("STANCHION_DATABASE__URL", database.url());
    let complaint = fail(on_postgres().args(["serve", "--check"])).await;
    assert!(complaint.contains("run `stanchion migrate`"), "{complaint}");
    succeed(on_postgres().arg("migrate")).await;
    let printed = succeed(on_postgres().args(["serve", "--check"])).await;
    assert!(printed.contains("may be LOST in a failover"), "{printed}");
    database
        .psql("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
        .await;
    database.psql("SELECT pg_reload_conf()").await;
    stanchion_testkit::eventually(
        "the setting is in effect",
        crate::program::DEADLINE,
        || async {
            let printed = succeed(on_postgres().args(["serve", "--check"])).await;
            printed.contains("survive a failover to a synchronous standby")
        },
    )
    .await;
    // With a standby that does not exist no commit ends, the one that drops the database neither.
    database
        .psql("ALTER SYSTEM RESET synchronous_standby_names")
        .await;
    database.psql("SELECT pg_reload_conf()").await;
}

#[tokio::test]
async fn a_check_refuses_an_object_store_that_cannot_be_opened() {
    let folder = TempDir::new().expect("a folder");
    let with = |url: &str| {
        let check = stanchion(folder.path()).args(["serve", "--check"]);
        check.env("STANCHION_MEDIA__STORE", url)
    };
    for url in ["s3:///pictures", "az:///pictures"] {
        let complaint = fail(with(url)).await;
        assert!(complaint.contains("cannot open"), "{complaint}");
    }
    succeed(with("file:media")).await;
    assert!(!folder.path().join("media").exists());
}
