use std::fs;

use stanchion_testkit::{Postgres, TempDir};

use crate::program::{fail, finish, stanchion, succeed};

#[tokio::test]
async fn exit_codes_tell_success_failure_and_usage_apart() {
    let folder = TempDir::new().expect("a folder");
    for (arguments, code) in [
        (&["--version"][..], 0),
        (&["--help"], 0),
        (&["export"], 0),
        (&["health", "--url", "http://127.0.0.1:1/readyz"], 1),
        (&["--config", "none.toml", "export"], 1),
        (&["no-such-command"], 2),
        (&["import"], 2),
    ] {
        let (status, running) = finish(stanchion(folder.path()).args(arguments)).await;
        assert_eq!(
            status.code(),
            Some(code),
            "{arguments:?}: {}",
            running.stderr()
        );
    }
}

#[tokio::test]
async fn every_command_helps_with_an_example() {
    let folder = TempDir::new().expect("a folder");
    let help = succeed(stanchion(folder.path()).arg("--help")).await;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands: Vec<_> = commands
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(commands.len() >= 4, "{help}");
    for command in commands {
        let help = succeed(stanchion(folder.path()).args([command, "--help"])).await;
        assert!(help.contains("Example: "), "{command}: {help}");
    }
}

#[tokio::test]
async fn a_wrong_configuration_is_reported_with_file_and_line_before_anything_happens() {
    let folder = TempDir::new().expect("a folder");
    fs::write(
        folder.path().join("shop.toml"),
        "[server]\nlisten = \"127.0.0.1:0\"\nmax_header = 5\n",
    )
    .expect("written");
    let program = stanchion(folder.path()).args(["export", "--config", "shop.toml"]);
    let complaint = fail(program.env("STANCHION_AUTH__SECRET", "short-and-secret")).await;
    assert!(
        complaint.contains("shop.toml, line 3: unknown key `server.max_header`"),
        "{complaint}"
    );
    assert!(
        complaint.contains("STANCHION_AUTH__SECRET: `auth.secret` is ***"),
        "{complaint}"
    );
    assert!(!complaint.contains("short-and-secret"), "{complaint}");
    assert!(!folder.path().join("shop.db").exists());
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_is_named_without_its_password() {
    let folder = TempDir::new().expect("a folder");
    for url in [
        "postgres://u:hunter2@127.0.0.1:1/d",
        "sqlite:/proc/none/shop.db",
    ] {
        let complaint = fail(
            stanchion(folder.path())
                .arg("export")
                .env("STANCHION_DATABASE__URL", url),
        )
        .await;
        assert!(complaint.contains("cannot open"), "{complaint}");
        assert!(!complaint.contains("hunter2"), "{complaint}");
    }
}

#[tokio::test]
async fn an_old_postgres_schema_is_refused_with_the_command_to_run() {
    let folder = TempDir::new().expect("a folder");
    let database = Postgres::shared().await.empty_database().await;
    let program = || stanchion(folder.path()).env("STANCHION_DATABASE__URL", database.url());
    let complaint = fail(program().arg("export")).await;
    assert!(complaint.contains("run `stanchion migrate`"), "{complaint}");
    let printed = succeed(program().args(["migrate", "--json"])).await;
    assert!(
        printed.starts_with("{\"applied\":") && !printed.contains(":0}"),
        "{printed}"
    );
    assert_eq!(
        succeed(program().arg("migrate")).await,
        "the schema is up to date\n"
    );
    succeed(program().arg("export")).await;
}

#[tokio::test]
async fn auto_migrate_lets_any_command_bring_postgres_up_to_date() {
    let folder = TempDir::new().expect("a folder");
    let database = Postgres::shared().await.empty_database().await;
    let program = stanchion(folder.path())
        .env("STANCHION_DATABASE__URL", database.url())
        .env("STANCHION_DATABASE__AUTO_MIGRATE", "true");
    assert_eq!(succeed(program.arg("export")).await, "");
}
