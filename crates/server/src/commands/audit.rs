use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{Session, print, print_json};
use crate::wiring::{database, stock};

/// Check every invariant of the ledger against the database
///
/// Recomputes every balance from the movements and every reservation from its lines, in one snapshot and in bounded
/// memory. The exit code is 1 when something is wrong; each breach is named.
#[derive(Debug, Args)]
#[command(after_help = "Example: stanchion audit")]
pub(crate) struct Arguments {
    /// Stop after so many breaches
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// Print JSON: one line for each breach, and a last one with their number
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(arguments: Arguments, session: &Session) -> anyhow::Result<ExitCode> {
    let store = database::open(session).await?;
    let findings = stock::stock(session, &store).audit(arguments.limit).await?;
    for finding in &findings {
        if arguments.json {
            print_json(finding)?;
        } else {
            print(finding)?;
        }
    }
    let breaches = findings.len();
    if arguments.json {
        print_json(&json!({ "breaches": breaches }))?;
    } else if breaches == 0 {
        print("the ledger is sound")?;
    } else {
        print(format_args!("{breaches} breaches"))?;
    }
    Ok(if breaches == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
