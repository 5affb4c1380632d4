use futures_util::TryStreamExt as _;
use tokio::sync::mpsc;

use super::{Subject, active};
use crate::import::{ImportEvent, ImportSummary, Reason};
use crate::model::Status;

async fn import(
    subject: &Subject,
    text: impl Into<Vec<u8>>,
) -> (ImportSummary, Vec<(u64, Reason)>) {
    let (events, mut received) = mpsc::channel(16);
    let input = std::io::Cursor::new(text.into());
    let collect = async {
        let mut bad = Vec::new();
        while let Some(event) = received.recv().await {
            if let ImportEvent::BadLine(line) = event {
                bad.push((line.line, line.reason));
            }
        }
        bad
    };
    let (summary, bad) = tokio::join!(subject.catalog.import(input, events), collect);
    (summary.expect("imported"), bad)
}

async fn export(subject: &Subject) -> Vec<u8> {
    let chunks: Vec<_> = subject
        .catalog
        .export(&Status::ALL)
        .try_collect()
        .await
        .expect("exported");
    chunks.concat()
}

fn line(sku: &str, name: &str) -> String {
    format!(
        r#"{{"sku":"{sku}","name":"{name}","category":"c","price":{{"amount":5,"currency":"EUR"}},"status":"active"}}"#
    )
}

fn lines(count: usize) -> String {
    (0..count)
        .map(|n| line(&format!("S-{n:05}"), &format!("Thing {n}")) + "\n")
        .collect()
}

pub(super) async fn importing_again_changes_nothing(subject: Subject) {
    let (first, _) = import(&subject, lines(1_200)).await;
    assert_eq!((first.lines, first.created), (1_200, 1_200));
    let before = subject.catalog.list(&active()).await.expect("a page");
    let (second, _) = import(&subject, lines(1_200)).await;
    assert_eq!(
        (second.unchanged, second.created, second.updated),
        (1_200, 0, 0)
    );
    assert_eq!(
        subject.catalog.list(&active()).await.expect("a page"),
        before
    );
    let (third, _) = import(&subject, line("S-00003", "Another")).await;
    assert_eq!((third.updated, third.lines), (1, 1));
}

pub(super) async fn a_bad_line_is_reported_and_the_others_are_taken(subject: Subject) {
    let mut text = Vec::new();
    for part in [
        line("A", "Good"),
        "{\"sku\":".to_owned(),
        line("B", "Good").replace("EUR", "ECU"),
        line("C", "Good").replace("\"status\"", "\"sku\""),
        line("D", "Good").replace(":5", ":99999999999999999999"),
        line("E", "Good").replace(":5", ":1.5"),
        "[".repeat(5_000),
        line("F", "Good").replace("\"name\"", "\"colour\""),
    ] {
        text.extend_from_slice(part.as_bytes());
        text.push(b'\n');
    }
    text.extend_from_slice(b"{\"sku\":\"\xff\"}\n");
    text.extend_from_slice(line("Z", "Good, and without a line break").as_bytes());
    let (summary, bad) = import(&subject, text).await;
    assert_eq!((summary.lines, summary.created, summary.failed), (10, 2, 8));
    assert_eq!(
        bad.iter().map(|(n, _)| *n).collect::<Vec<_>>(),
        [2, 3, 4, 5, 6, 7, 8, 9]
    );
    assert!(matches!(bad.last(), Some((9, Reason::NotUtf8))));
    assert_eq!(
        bad[1].1.to_string(),
        "/price/currency is not an active ISO 4217 code"
    );
    assert_eq!(subject.skus(&active()).await, ["Z", "A"]);
}

pub(super) async fn of_two_lines_with_one_sku_the_later_counts(subject: Subject) {
    let text = [line("A", "First"), line("B", "Other"), line("A", "Second")].join("\n");
    let (summary, _) = import(&subject, text).await;
    assert_eq!((summary.created, summary.updated), (2, 1));
    assert_eq!(subject.found("second").await, ["A"]);
    let many: String = (0..40)
        .map(|n| line("A", &format!("Edition{n}")) + "\n")
        .collect();
    let (summary, _) = import(&subject, many).await;
    assert_eq!((summary.lines, summary.updated), (40, 40));
    assert_eq!(subject.found("edition39").await, ["A"]);
}

pub(super) async fn export_import_export_is_byte_identical(subject: Subject) {
    let mut text = lines(1_100);
    text += r#"{"sku":"é","name":"x\u2028y","description":"a\"b\n","category":"c d","price":{"amount":0,"currency":"JPY"},"attributes":{"z":1.50,"a":[true,"x",1e2],"n":-0.0},"status":"draft"}"#;
    let (summary, bad) = import(&subject, text).await;
    assert_eq!((summary.created, bad), (1_101, Vec::new()));
    let first = export(&subject).await;
    assert_eq!(first.iter().filter(|byte| **byte == b'\n').count(), 1_101);
    let (again, _) = import(&subject, first.clone()).await;
    assert_eq!(
        again.unchanged, 1_101,
        "what was exported is what was there"
    );
    assert_eq!(export(&subject).await, first);
}
