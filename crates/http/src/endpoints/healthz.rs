/// Whether the process lives
///
/// It says nothing about the database: a process must not be restarted because another one is down.
#[utoipa::path(get, path = "/healthz", tag = "service", responses(
    (status = 200, description = "It lives", body = String, content_type = "text/plain"),
))]
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}
