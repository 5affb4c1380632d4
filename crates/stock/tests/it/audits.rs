//! An audit names what was corrupted behind the ledger's back.

use stanchion_stock::conformance::Subject;
use stanchion_stock::{Adjust, Breach, Finding, Lines, Reserve, Strategy};
use stanchion_testkit::Database;

use crate::databases;

/// What to do to the tables `stock`, `moves` and `holds`, whose they are afterwards, and which promises are broken then.
const CORRUPTIONS: &[(&str, &str, &[Breach])] = &[
    (
        "UPDATE stock SET on_hand = on_hand + 1 WHERE sku = 'A'",
        "A",
        &[Breach::OnHand],
    ),
    (
        "UPDATE stock SET reserved = reserved - 1 WHERE sku = 'A'",
        "A",
        &[Breach::Reserved, Breach::Held],
    ),
    (
        "UPDATE stock SET version = version + 1 WHERE sku = 'A'",
        "A",
        &[Breach::Versions],
    ),
    (
        "UPDATE stock SET reserved = 99 WHERE sku = 'A'",
        "A",
        &[Breach::Reserved, Breach::Bounds, Breach::Held],
    ),
    (
        "UPDATE moves SET version = 9 WHERE sku = 'A' AND version = 1",
        "A",
        &[Breach::Versions],
    ),
    (
        "DELETE FROM moves WHERE sku = 'B' AND kind = 'released'",
        "B",
        &[Breach::Reserved, Breach::Versions, Breach::Reservation],
    ),
    (
        "UPDATE holds SET state = 'expired' WHERE state = 'released'",
        "",
        &[Breach::Reservation],
    ),
    (
        "UPDATE holds SET lines = replace(CAST(lines AS text), '2', '1')CAST WHERE state = 'committed'",
        "",
        &[Breach::Reservation],
    ),
];

/// Sells two of ten, holds three more, and gives four back.
async fn fill(subject: &Subject) {
    for sku in ["A", "B"] {
        let received = Adjust {
            sku: sku.to_owned(),
            delta: 10,
            ..Adjust::default()
        };
        subject.stock.adjust(received, None).await.unwrap();
    }
    let hold = async |sku: &str, quantity| {
        let reserve = Reserve {
            lines: Lines::one(sku, quantity).unwrap(),
            ttl: None,
            key: None,
        };
        subject.stock.reserve(reserve, None).await.unwrap().id
    };
    let sold = hold("A", 2).await;
    subject.stock.commit(sold, None, None, None).await.unwrap();
    hold("A", 3).await;
    let returned = hold("B", 4).await;
    subject.stock.release(returned, None, None).await.unwrap();
    assert_eq!(subject.stock.audit(100).await.unwrap(), []);
}

fn assert_named(findings: &[Finding], subject: &str, breaches: &[Breach], sql: &str) {
    let mut found: Vec<Breach> = findings.iter().map(|finding| finding.breach).collect();
    found.dedup();
    assert_eq!(found, breaches, "{sql}\n{findings:?}");
    let is_subject = |finding: &&Finding| finding.breach != Breach::Reservation;
    for finding in findings.iter().filter(is_subject) {
        assert_eq!(finding.subject, subject, "{sql}\n{finding}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_breach_is_named_on_sqlite() {
    for (sql, sku, breaches) in CORRUPTIONS {
        let (subject, folder) = databases::sqlite(Strategy::Atomic).await;
        fill(&subject).await;
        let connection = rusqlite::Connection::open(folder.path().join("stock.db")).unwrap();
        let own = sql
            .replace("moves", "stanchion_stock_stock_movements")
            .replace("holds", "stanchion_stock_reservations")
            .replace(" stock ", " stanchion_stock_stock ")
            .replace(")CAST", ")");
        let unguarded = format!(
            "PRAGMA ignore_check_constraints = true; DROP TRIGGER stanchion_stock_no_update; \
             DROP TRIGGER stanchion_stock_no_delete; {own};"
        );
        connection.execute_batch(&unguarded).unwrap();
        assert_named(&subject.stock.audit(100).await.unwrap(), sku, breaches, sql);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_breach_is_named_on_postgres() {
    for (sql, sku, breaches) in CORRUPTIONS {
        let (subject, database): (_, Database) = databases::postgres(Strategy::Atomic).await;
        fill(&subject).await;
        let own = sql
            .replace("moves", "stanchion_stock.stock_movements")
            .replace("holds", "stanchion_stock.reservations")
            .replace(" stock ", " stanchion_stock.stock ")
            .replace(")CAST", ")::jsonb");
        let unguarded = format!(
            "ALTER TABLE stanchion_stock.stock DROP CONSTRAINT stock_check; \
             ALTER TABLE stanchion_stock.stock_movements DISABLE TRIGGER append_only; {own};"
        );
        database.psql(&unguarded).await;
        assert_named(&subject.stock.audit(100).await.unwrap(), sku, breaches, sql);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn movements_cannot_be_changed_by_statements() {
    let (subject, folder) = databases::sqlite(Strategy::Atomic).await;
    fill(&subject).await;
    let connection = rusqlite::Connection::open(folder.path().join("stock.db")).unwrap();
    for sql in [
        "DELETE FROM stanchion_stock_stock_movements",
        "UPDATE stanchion_stock_stock_movements SET version = 9",
    ] {
        let refused = connection.execute(sql, []).unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_audit_tells_no_more_than_is_asked_for() {
    let (subject, folder) = databases::sqlite(Strategy::Atomic).await;
    fill(&subject).await;
    let connection = rusqlite::Connection::open(folder.path().join("stock.db")).unwrap();
    connection
        .execute("UPDATE stanchion_stock_stock SET version = version + 1", [])
        .unwrap();
    assert_eq!(subject.stock.audit(1).await.unwrap().len(), 1);
}
