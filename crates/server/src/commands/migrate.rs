use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{Session, print, print_json};
use crate::wiring::database;

/// Bring the database's schema up to date
#[derive(Debug, Args)]
#[command(
    after_help = "Example: STANCHION_DATABASE__URL=postgres://shop@db/shop stanchion migrate"
)]
pub(crate) struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(arguments: Arguments, session: &Session) -> anyhow::Result<ExitCode> {
    let store = database::connect(session).await?;
    let applied = store.migrate(&database::MIGRATIONS).await?;
    if arguments.json {
        print_json(&json!({ "applied": applied }))?;
    } else {
        print(match applied {
            0 => "the schema is up to date".to_owned(),
            1 => "applied 1 migration".to_owned(),
            many => format!("applied {many} migrations"),
        })?;
    }
    Ok(ExitCode::SUCCESS)
}
