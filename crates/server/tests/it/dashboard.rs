use std::collections::BTreeSet;

use serde_json::Value;

/// The dashboards of `deploy/grafana`.
const ALL: [&str; 2] = ["stanchion", "stanchion-jobs"];

fn dashboard(name: &str) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/grafana");
    let text = std::fs::read_to_string(format!("{folder}/{name}.json"));
    serde_json::from_str(&text.expect("a dashboard")).expect("JSON")
}

fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    dashboard["panels"].as_array().expect("panels").iter()
}

/// The metric names of a PromQL expression: all of ours, and those of the process.
fn metrics_of(expression: &str) -> impl Iterator<Item = &str> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("stanchion_") || word.starts_with("process_"))
}

/// Checks that the dashboard of the server asks only for metrics that a server with this `/metrics` has.
pub(crate) fn names_only_metrics_of(exposition: &str) {
    let asked = asked_of("stanchion", exposition);
    assert!(asked >= 35, "the dashboard asks for {asked} metrics only");
}

/// Checks that a dashboard asks only for metrics that are in this exposition; answers how many it asks for.
pub(crate) fn asked_of(name: &str, exposition: &str) -> usize {
    let dashboard = dashboard(name);
    let targets =
        panels(&dashboard).flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let expressions = targets.map(|target| target["expr"].as_str().expect("an expression"));
    asked_by(expressions, exposition)
}

/// As [`asked_of`], for these expressions.
pub(crate) fn asked_by<'a>(expressions: impl Iterator<Item = &'a str>, exposition: &str) -> usize {
    let known: BTreeSet<_> = exposition
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();
    let mut asked = 0;
    for expression in expressions {
        for name in metrics_of(expression) {
            // A SQLite server has these and a PostgreSQL server has not.
            let of_sqlite = [
                "stanchion_db_write_queue_depth",
                "stanchion_db_group_commit_writes_",
            ];
            let elsewhere = of_sqlite.iter().any(|start| name.starts_with(start));
            assert!(
                elsewhere || known.contains(name),
                "{name} is in no /metrics: {expression}"
            );
            asked += 1;
        }
    }
    asked
}

#[test]
fn rows_stand_in_the_order_in_which_an_on_call_person_looks() {
    let dashboard = dashboard("stanchion");
    let rows = panels(&dashboard).filter(|panel| panel["type"] == "row");
    let titles: Vec<_> = rows.filter_map(|row| row["title"].as_str()).collect();
    assert_eq!(
        titles,
        [
            "Traffic and latency",
            "Saturation",
            "Database",
            "Limits",
            "Stock",
            "Queues",
            "Dependencies"
        ]
    );
}

#[test]
fn every_panel_has_a_unit_a_description_and_a_place_of_its_own() {
    for name in ALL {
        each_panel_is_complete(&dashboard(name));
    }
}

fn each_panel_is_complete(dashboard: &Value) {
    let mut places = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in panels(dashboard) {
        let place = &panel["gridPos"];
        let corner = (place["y"].as_u64(), place["x"].as_u64());
        assert!(places.insert(corner), "two panels at {corner:?}");
        assert!(
            ids.insert(panel["id"].as_u64()),
            "two panels with the id {}",
            panel["id"]
        );
        if panel["type"] != "row" {
            assert!(
                panel["fieldConfig"]["defaults"]["unit"].is_string(),
                "{}",
                panel["title"]
            );
            assert!(
                panel["description"]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "{}",
                panel["title"]
            );
        }
    }
}

#[tokio::test]
async fn a_sqlite_server_has_the_metrics_of_its_writer() {
    let folder = stanchion_testkit::TempDir::new().expect("a folder");
    let server = crate::server::Server::demo(folder.path()).await;
    let exposition = server.text("/metrics").await;
    for name in [
        "stanchion_db_write_queue_depth ",
        "stanchion_db_group_commit_writes_bucket{",
    ] {
        assert!(
            exposition.lines().any(|line| line.starts_with(name)),
            "{name}"
        );
    }
    server.stop().await;
}
