use std::path::PathBuf;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use tokio::net::TcpListener;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Where to listen.
    #[arg(long)]
    listen: String,
    /// The file whose bytes are the answer.
    #[arg(long)]
    body: PathBuf,
}

/// The least that an axum server can do: one route, no layer, fixed bytes.
pub(crate) async fn serve(options: &Options) -> anyhow::Result<()> {
    let body: &'static [u8] = std::fs::read(&options.body)?.leak();
    let handler = get(move || async move { ([(CONTENT_TYPE, "application/json")], body) });
    let router = Router::new().route("/v1/products/{id}", handler);
    let listener = TcpListener::bind(&options.listen).await?;
    axum::serve(listener, router).await?;
    Ok(())
}
