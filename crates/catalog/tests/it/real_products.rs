use futures_util::TryStreamExt as _;
use stanchion_catalog::conformance::Subject;
use stanchion_catalog::{ListQuery, Sort, Status};
use stanchion_testkit::data::retail_products;
use tokio::sync::mpsc;

use crate::databases;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_catalogue_goes_through_sqlite() {
    let (subject, _folder) = databases::sqlite().await;
    go_through(subject).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_catalogue_goes_through_postgres() {
    let (subject, _database) = databases::postgres().await;
    go_through(subject).await;
}

/// The beginning of a word of nearly every product.
const COMMON: &str = "an";

/// Import, search, filters and export, checked against a plain reading of the same lines.
async fn go_through(subject: Subject) {
    let (_source, bytes) = retail_products();

    let lines: Vec<serde_json::Value> = String::from_utf8(bytes.clone())
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let summary = import(&subject, bytes).await;
    assert_eq!((summary.created, summary.failed), (lines.len() as u64, 0));
    for category in ["furniture", "books"] {
        let query = ListQuery {
            category: Some(category.to_owned()),
            ..all()
        };
        let expected = lines
            .iter()
            .filter(|line| line["category"] == category)
            .count();
        assert_eq!(count(&subject, query).await, expected, "{category}");
    }
    let styled = &lines[0]["attributes"]["style"];
    let query = ListQuery {
        attributes: [("style".to_owned(), styled.as_str().unwrap().to_owned())].into(),
        sort: Some(Sort::Price),
        ..all()
    };
    let expected = lines
        .iter()
        .filter(|line| line["attributes"]["style"] == *styled)
        .count();
    assert_eq!(count(&subject, query).await, expected, "{styled}");
    let word = lines[0]["name"]
        .as_str()
        .unwrap()
        .split(' ')
        .next_back()
        .unwrap()
        .to_lowercase();
    let query = ListQuery {
        search: Some(word.clone()),
        ..all()
    };
    assert_eq!(
        count(&subject, query).await,
        with_word(&lines, &word),
        "{word}"
    );
    find_what_is_common(&subject, &lines).await;
    let first = export(&subject).await;
    assert_eq!(
        import(&subject, first.clone()).await.unchanged,
        lines.len() as u64
    );
    assert_eq!(export(&subject).await, first);
}

/// More matches than are collected before they are ordered; asked again, it is known to be common.
async fn find_what_is_common(subject: &Subject, lines: &[serde_json::Value]) {
    let common = ListQuery {
        search: Some(COMMON.to_owned()),
        ..all()
    };
    let once = subject.catalog.list(&common).await.unwrap();
    assert_eq!(subject.catalog.list(&common).await.unwrap(), once);
    assert_eq!(count(subject, common).await, with_word(lines, COMMON));
}

/// Lines with a word that begins with `word` in a text that is searched, by a plain reading.
fn with_word(lines: &[serde_json::Value], word: &str) -> usize {
    fn texts(value: &serde_json::Value, out: &mut String) {
        match value {
            serde_json::Value::String(text) => {
                out.push_str(&text.to_lowercase());
                out.push(' ');
            }
            serde_json::Value::Array(values) => values.iter().for_each(|value| texts(value, out)),
            serde_json::Value::Object(map) => map.values().for_each(|value| texts(value, out)),
            _ => {}
        }
    }
    let matches = |line: &&serde_json::Value| {
        let mut all = String::new();
        for field in ["sku", "name", "description", "category", "attributes"] {
            texts(&line[field], &mut all);
        }
        all.split(|c: char| !c.is_alphanumeric())
            .any(|other| other.starts_with(word))
    };
    lines.iter().filter(matches).count()
}

fn all() -> ListQuery {
    ListQuery {
        statuses: vec![Status::Active],
        limit: Some(200),
        ..ListQuery::default()
    }
}

async fn count(subject: &Subject, mut query: ListQuery) -> usize {
    let mut count = 0;
    loop {
        let page = subject.catalog.list(&query).await.unwrap();
        count += page.items.len();
        query.cursor = page.next_cursor;
        if query.cursor.is_none() {
            return count;
        }
    }
}

async fn import(subject: &Subject, bytes: Vec<u8>) -> stanchion_catalog::ImportSummary {
    let (events, mut received) = mpsc::channel(16);
    let drain = async { while received.recv().await.is_some() {} };
    tokio::join!(
        subject.catalog.import(std::io::Cursor::new(bytes), events),
        drain
    )
    .0
    .unwrap()
}

async fn export(subject: &Subject) -> Vec<u8> {
    let chunks: Vec<_> = subject
        .catalog
        .export(&Status::ALL)
        .try_collect()
        .await
        .unwrap();
    chunks.concat()
}
