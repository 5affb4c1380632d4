use super::*;
use crate::Rate;

const AFTER: Duration = Duration::from_millis(500);

fn settings() -> Settings {
    Settings {
        version: "7.0.15".to_owned(),
        role: "master".to_owned(),
        replicas: 2,
        min_replicas: Some(2),
        max_lag: Some(Duration::from_secs(1)),
        evicts: Some(false),
    }
}

fn setup(quarantine: Option<u64>, acknowledged_by: u32) -> Setup {
    Setup {
        quarantine: quarantine.map(Duration::from_millis),
        after_last_write: AFTER,
        acknowledged_by,
    }
}

fn remark(standing: &Standing) -> &str {
    assert_eq!(standing.remarks.len(), 1, "{standing:?}");
    &standing.remarks[0]
}

#[test]
fn a_fenced_server_is_exact_when_the_quarantine_outlasts_the_old_primary() {
    assert_eq!(
        settings().assess(&setup(Some(3_570), 0)).promise,
        Promise::Exact
    );
    let short = settings().assess(&setup(Some(3_569), 0));
    assert_eq!(
        short.promise,
        Promise::Twice {
            overlap: Some(Duration::from_secs(3))
        }
    );
    assert!(remark(&short).contains("quarantine of 3.569s"));
}

#[test]
fn fewer_replicas_to_write_than_attached_ones_are_no_fence() {
    let one = Settings {
        min_replicas: Some(1),
        ..settings()
    };
    let standing = one.assess(&setup(Some(60_000), 0));
    assert_eq!(standing.promise, Promise::Twice { overlap: None });
    assert!(remark(&standing).contains("`min-replicas-to-write` is 1"));
}

#[test]
fn a_lag_that_is_switched_off_is_no_fence() {
    let never = Settings {
        max_lag: Some(Duration::ZERO),
        ..settings()
    };
    let standing = never.assess(&setup(Some(60_000), 0));
    assert_eq!(standing.promise, Promise::Twice { overlap: None });
    assert!(remark(&standing).contains("`min-replicas-max-lag`"));
}

#[test]
fn a_server_without_replicas_needs_no_more_than_the_time_of_what_is_under_way() {
    let alone = Settings {
        replicas: 0,
        min_replicas: Some(0),
        ..settings()
    };
    assert_eq!(alone.assess(&setup(Some(510), 0)).promise, Promise::Exact);
    assert_ne!(alone.assess(&setup(Some(509), 0)).promise, Promise::Exact);
}

#[test]
fn acknowledgement_by_every_replica_is_exact_without_a_fence() {
    let plain = Settings {
        min_replicas: Some(0),
        ..settings()
    };
    assert_eq!(plain.assess(&setup(None, 2)).promise, Promise::Exact);
    let standing = plain.assess(&setup(None, 1));
    assert!(remark(&standing).contains("`wait_for_replicas` is 1"));
}

#[test]
fn what_is_not_told_is_not_trusted() {
    let silent = Settings {
        evicts: None,
        min_replicas: None,
        max_lag: None,
        ..settings()
    };
    let standing = silent.assess(&setup(Some(60_000), 0));
    assert_eq!(standing.promise, Promise::Twice { overlap: None });
    let forgetful = Settings {
        evicts: Some(true),
        ..settings()
    };
    let standing = forgetful.assess(&setup(Some(60_000), 0));
    assert_eq!(standing.promise, Promise::Forgets);
}

#[test]
fn the_bound_is_the_burst_and_what_comes_while_two_serve() {
    let limit = Limit::new("bound", Rate::per_second(10), 100).expect("a limit");
    let assumed = Duration::from_secs(60);
    let overlap = Some(Duration::from_millis(1_501));
    assert_eq!(Promise::Exact.bound(&limit, assumed), 0);
    assert_eq!(Promise::Twice { overlap }.bound(&limit, assumed), 116);
    assert_eq!(Promise::Twice { overlap: None }.bound(&limit, assumed), 700);
}

#[test]
fn a_server_tells_its_settings() {
    let info = "# Server\r\nredis_version:7.0.15\r\n# Replication\r\nrole:master\r\nconnected_slaves:2\r\n";
    let config = [
        ("min-replicas-to-write", "2"),
        ("min-replicas-max-lag", "1"),
        ("maxmemory", "1000000"),
        ("maxmemory-policy", "noeviction"),
    ];
    let config = config.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(Settings::parse(info, Some(&config)), settings());
    let silent = Settings::parse(info, None);
    assert_eq!((silent.evicts, silent.min_replicas), (None, None));
    assert_eq!(silent.refuse_old(), Ok(()));
    let old = Settings::parse("redis_version:5.0.7\r\n", None);
    let error = old.refuse_old().expect_err("too old");
    assert!(error.to_string().contains("5.0.7"), "{error}");
}
