use stanchion_testkit::{Postgres, Program, TempDir, data};

use crate::program::{finish, stanchion, succeed};

const GOOD: &str = r#"{"sku":"A-1","name":"Tent","description":"","category":"camping","price":{"amount":1,"currency":"EUR"},"attributes":{},"status":"active"}"#;

#[tokio::test]
async fn export_import_export_is_byte_identical_on_sqlite() {
    let (first, second) = (
        TempDir::new().expect("a folder"),
        TempDir::new().expect("a folder"),
    );
    round_trip(|| stanchion(first.path()), || stanchion(second.path())).await;
}

#[tokio::test]
async fn export_import_export_is_byte_identical_from_sqlite_to_postgres() {
    let folder = TempDir::new().expect("a folder");
    let database = Postgres::shared().await.empty_database().await;
    let on_postgres = || stanchion(folder.path()).env("STANCHION_DATABASE__URL", database.url());
    succeed(on_postgres().arg("migrate")).await;
    round_trip(|| stanchion(folder.path()), on_postgres).await;
}

async fn round_trip(first: impl Fn() -> Program, second: impl Fn() -> Program) {
    let (_, lines) = data::retail_products();
    let printed = succeed(first().args(["import", "-"]).input(&lines)).await;
    assert_eq!(
        printed,
        "2465 lines: 2465 created, 0 updated, 0 unchanged, 0 failed\n"
    );
    let exported = succeed(first().arg("export")).await;
    assert_eq!(exported.lines().count(), data::RETAIL_PRODUCTS);

    succeed(second().args(["import", "-"]).input(exported.as_bytes())).await;
    assert_eq!(succeed(second().arg("export")).await, exported);

    let again = succeed(second().args(["import", "-", "--json"]).input(&lines)).await;
    let summary: serde_json::Value = serde_json::from_str(&again).expect("one line of JSON");
    assert_eq!(
        summary["summary"]["unchanged"], 2465,
        "an import can be run again: {again}"
    );
}

#[tokio::test]
async fn a_bad_line_is_reported_with_its_number_and_reason_and_the_rest_goes_in() {
    let folder = TempDir::new().expect("a folder");
    let mut input = format!("{GOOD}\nnot json\n\n").into_bytes();
    input.extend(GOOD.replace("A-1", "A-2").replace("EUR", "XXQ").bytes());
    input.extend(b"\n\xff\xfe\n");
    input.extend(
        GOOD.replace("A-1", "A-3")
            .replace("\"amount\":1", "\"amount\":1e30")
            .bytes(),
    );
    input.push(b'\n');
    input.extend(
        GOOD.replace("A-1", "A-4")
            .replace("\"status\"", "\"sku\":\"A-5\",\"status\"")
            .bytes(),
    );
    input.push(b'\n');
    input.extend(GOOD.replace("A-1", "A-6").bytes());
    let (status, running) =
        finish(stanchion(folder.path()).args(["import", "-"]).input(&input)).await;
    assert_eq!(status.code(), Some(1), "bad lines are a failure");
    let complaints = running.stderr();
    for expected in [
        "line 2: is not a product",
        "line 4: /price/currency",
        "line 5: is not UTF-8",
        "line 6: is not a product",
        "line 7: is not a product",
    ] {
        assert!(complaints.contains(expected), "{complaints}");
    }
    assert_eq!(
        running.stdout(),
        "7 lines: 2 created, 0 updated, 0 unchanged, 5 failed\n"
    );
    let exported = succeed(stanchion(folder.path()).arg("export")).await;
    assert_eq!(exported.lines().count(), 2, "{exported}");
}

#[tokio::test]
async fn bad_lines_are_json_when_asked() {
    let folder = TempDir::new().expect("a folder");
    let import = stanchion(folder.path())
        .args(["import", "-", "--json"])
        .input(b"{}\n");
    let (_, running) = finish(import).await;
    let output = running.stdout();
    let lines: Vec<serde_json::Value> = output
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines[0]["line"], 1, "{output}");
    assert_eq!(lines[1]["summary"]["failed"], 1, "{output}");
}

#[tokio::test]
async fn a_missing_file_is_named() {
    let folder = TempDir::new().expect("a folder");
    let complaint =
        crate::program::fail(stanchion(folder.path()).args(["import", "none.ndjson"])).await;
    assert!(complaint.contains("cannot open none.ndjson"), "{complaint}");
    assert!(
        !folder.path().join("shop.db").exists(),
        "nothing was made for an input that is not there"
    );
}
