use stanchion_store::{MIGRATIONS, Migration, Migrations, Store, StoreError};

use crate::databases::{Guard, on_both};

on_both! {
    migrating_again_does_nothing
    an_old_schema_is_named_with_the_command_to_run
    a_changed_migration_is_refused
    steps_of_a_newer_program_are_left_alone
    concurrent_migrations_apply_each_step_once
}

const ONE: Migration = Migration {
    version: 1,
    name: "one",
    sql: "CREATE TABLE shop_one (a int)",
};
const TWO: Migration = Migration {
    version: 2,
    name: "two",
    sql: "CREATE TABLE shop_two (a int)",
};
const OLD: Migrations = Migrations {
    component: "shop",
    sqlite: &[ONE],
    postgres: &[ONE],
};
const NEW: Migrations = Migrations {
    component: "shop",
    sqlite: &[ONE, TWO],
    postgres: &[ONE, TWO],
};

async fn migrating_again_does_nothing(store: Store, _guard: Guard) {
    assert_eq!(store.migrate(&[MIGRATIONS]).await.unwrap(), 0);
    assert_eq!(store.migrate(&[NEW]).await.unwrap(), 2);
    assert_eq!(store.migrate(&[MIGRATIONS, NEW]).await.unwrap(), 0);
    store.check_schema(&[MIGRATIONS, NEW]).await.unwrap();
}

async fn an_old_schema_is_named_with_the_command_to_run(store: Store, _guard: Guard) {
    let error = store.check_schema(&[MIGRATIONS, NEW]).await.unwrap_err();
    assert!(error.to_string().contains("`stanchion migrate`"), "{error}");
    assert!(matches!(
        error,
        StoreError::SchemaTooOld {
            component: "shop",
            found: 0,
            needed: 2
        }
    ));
    store.migrate(&[OLD]).await.unwrap();
    let error = store.check_schema(&[NEW]).await.unwrap_err();
    assert!(matches!(
        error,
        StoreError::SchemaTooOld {
            found: 1,
            needed: 2,
            ..
        }
    ));
}

async fn a_changed_migration_is_refused(store: Store, _guard: Guard) {
    store.migrate(&[OLD]).await.unwrap();
    const OTHER: Migration = Migration {
        sql: "CREATE TABLE shop_other (a int)",
        ..ONE
    };
    let changed = Migrations {
        component: "shop",
        sqlite: &[OTHER],
        postgres: &[OTHER],
    };
    for result in [
        store.migrate(&[changed]).await.map(|_| ()),
        store.check_schema(&[changed]).await,
    ] {
        assert!(matches!(
            result,
            Err(StoreError::MigrationChanged { version: 1, .. })
        ));
    }
}

async fn steps_of_a_newer_program_are_left_alone(store: Store, _guard: Guard) {
    store.migrate(&[NEW]).await.unwrap();
    store.check_schema(&[OLD]).await.unwrap();
    assert_eq!(store.migrate(&[OLD]).await.unwrap(), 0);
}

async fn concurrent_migrations_apply_each_step_once(_store: Store, guard: Guard) {
    let mut applied = 0;
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let store = guard.open_again().await;
        tasks.push(tokio::spawn(
            async move { store.migrate(&[NEW]).await.unwrap() },
        ));
    }
    for task in tasks {
        applied += task.await.unwrap();
    }
    assert_eq!(applied, 2);
}
