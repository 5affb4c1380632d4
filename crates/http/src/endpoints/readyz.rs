use std::time::Duration;

use axum::extract::State;

use crate::app::App;
use crate::problem::{Problem, ProblemKind};

/// The longest that the database may take to answer a probe.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Whether requests should be sent here
///
/// They should when the database answers, its schema is current and the server is not stopping.
#[utoipa::path(get, path = "/readyz", tag = "service", responses(
    (status = 200, description = "It is ready", body = String, content_type = "text/plain"),
    (status = 503, description = "It is not (`unavailable`)", body = crate::problem::ProblemSchema,
        content_type = "application/problem+json"),
))]
pub(crate) async fn readyz(State(app): State<App>) -> Result<&'static str, Problem> {
    let unavailable = |why: &str| Problem::new(ProblemKind::Unavailable).detail(why);
    if app.draining.has_begun() {
        return Err(unavailable("the server is stopping"));
    }
    let schema = [stanchion_store::MIGRATIONS, stanchion_catalog::MIGRATIONS];
    let check = async {
        app.store.ping().await?;
        app.store.check_schema(&schema).await
    };
    match tokio::time::timeout(TIMEOUT, check).await {
        Ok(Ok(())) => Ok("ready\n"),
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready");
            Err(unavailable(
                "the database does not answer, or its schema is not current",
            ))
        }
        Err(_) => Err(unavailable("the database does not answer in time")),
    }
}
