//! A fresh database for each test, copied from a template that is migrated once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::plan::{Plan, walk};
use super::server::Server;

/// A database of its own for one test. It is dropped with this value, connections or not.
#[derive(Debug)]
pub struct Database {
    server: Arc<Server>,
    name: String,
    url: String,
}

impl Database {
    /// The connection URL, `postgres://postgres@127.0.0.1:PORT/NAME?…`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The database's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs SQL as the administrator, beside the code under test. One row a line, columns divided by `|`.
    ///
    /// # Panics
    /// When the server refuses it.
    pub async fn psql(&self, sql: &str) -> String {
        psql(&self.server, &self.name, sql).await
    }

    /// The plan of a statement with parameters, as `EXPLAIN` prints it.
    ///
    /// # Panics
    /// When the server refuses the statement.
    pub async fn plan(&self, sql: &str, plan: Plan) -> String {
        self.psql(&plan.explain(sql)).await
    }

    /// Asserts of each statement that its plans, for any values and for one, use this index and read none of these tables or
    /// indexes from end to end.
    ///
    /// # Panics
    /// When one does otherwise, with its plan.
    pub async fn is_served(&self, statements: &[(&str, &str)], whole: &[&str]) {
        for kind in [Plan::Generic, Plan::Custom { elements: 1 }] {
            for (sql, index) in statements {
                let plan = self.plan(sql, kind).await;
                assert!(plan.contains(index), "{kind:?}\n{sql}\n{plan}");
                assert_eq!(walk(&plan, whole), None, "{kind:?}\n{sql}\n{plan}");
            }
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // When the server is down, paused or killed, the database goes with the folder.
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let _refused = self.server.psql("postgres", &sql);
    }
}

/// The templates of one server by name, each migrated by whoever asks for it first.
#[derive(Debug, Default)]
pub(super) struct Templates {
    ready: Mutex<HashMap<String, Arc<OnceCell<()>>>>,
    made: AtomicU64,
}

impl Templates {
    pub(super) async fn instantiate<F, Fut>(
        &self,
        server: &Arc<Server>,
        template: &str,
        migrate: F,
    ) -> Database
    where
        F: FnOnce(String) -> Fut,
        Fut: Future<Output = ()>,
    {
        let source = format!("template_{template}");
        let ready = {
            let mut known = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(known.entry(source.clone()).or_default())
        };
        ready
            .get_or_init(|| async {
                // A caller whose migration panicked leaves half a template to the next one.
                admin(
                    server,
                    &format!("DROP DATABASE IF EXISTS {source} WITH (FORCE)"),
                )
                .await;
                admin(server, &format!("CREATE DATABASE {source}")).await;
                migrate(server.url(&source)).await;
                seal(server, &source).await;
            })
            .await;
        self.copy(server, &source).await
    }

    pub(super) async fn copy(&self, server: &Arc<Server>, source: &str) -> Database {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{number}");
        admin(server, &format!("CREATE DATABASE {name} TEMPLATE {source}")).await;
        Database {
            server: Arc::clone(server),
            url: server.url(&name),
            name,
        }
    }
}

/// A template with a connection cannot be copied, and a pool closes its connections in its own time.
async fn seal(server: &Arc<Server>, source: &str) {
    admin(
        server,
        &format!("ALTER DATABASE {source} ALLOW_CONNECTIONS false"),
    )
    .await;
    let end = format!(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{source}'"
    );
    admin(server, &end).await;
}

async fn admin(server: &Arc<Server>, sql: &str) -> String {
    psql(server, "postgres", sql).await
}

pub(super) async fn psql(server: &Arc<Server>, database: &str, sql: &str) -> String {
    let (server, database, owned) = (Arc::clone(server), database.to_owned(), sql.to_owned());
    let answer = tokio::task::spawn_blocking(move || server.psql(&database, &owned)).await;
    match answer.expect("psql's thread does not panic") {
        Ok(rows) => rows,
        Err(error) => panic!("psql {sql:?}: {error}"),
    }
}
