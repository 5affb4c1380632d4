use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use stanchion_http::auth::{ApiKey, Scope};
use stanchion_kernel::Uuid;
use stanchion_store::keys::{KeyRecord, Keys, NewKey};

use super::{Session, print, print_json};
use crate::wiring::database;

/// Make, list and revoke API keys
#[derive(Debug, Args)]
#[command(
    after_help = "Example: stanchion key create --name shop --scopes catalog:read --expires 30d"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a key and print it, this once
    Create {
        /// What to call it, 1 to 100 characters
        #[arg(long, value_parser = parse_name)]
        name: String,
        /// What it allows, with commas between
        #[arg(long, value_delimiter = ',', required = true)]
        scopes: Vec<Scope>,
        /// How long it lives, as in 90s, 15m, 12h, 30d; for ever when not given
        #[arg(long, value_parser = parse_life)]
        expires: Option<Duration>,
    },
    /// List all keys, the newest first
    List,
    /// Revoke a key; running servers refuse it within a second
    Revoke {
        /// Its id, as `key list` shows it
        id: Uuid,
    },
}

/// Keys read at once.
const PAGE: u32 = 200;

pub(crate) async fn run(arguments: Arguments, session: &Session) -> anyhow::Result<ExitCode> {
    let store = database::open(session).await?;
    let keys = Keys::new(&store, session.ids.clone());
    match arguments.action {
        Action::Create {
            name,
            scopes,
            expires,
        } => {
            let scopes = scopes.iter().map(Scope::to_string).collect();
            let new = NewKey {
                name,
                scopes,
                expires_in: expires,
            };
            create(&keys, new, arguments.json).await?;
        }
        Action::List => list(&keys, arguments.json).await?,
        Action::Revoke { id } => {
            if !keys.revoke(id).await? {
                bail!("there is no key {id} that is not revoked already");
            }
            if arguments.json {
                print_json(&json!({ "revoked": id }))?;
            } else {
                print(format_args!("revoked {id}"))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn create(keys: &Keys, new: NewKey, json: bool) -> anyhow::Result<()> {
    let made = keys.create(new).await?;
    let id = made.record.id;
    let key = ApiKey {
        id,
        secret: made.secret,
    };
    if json {
        return print_json(&json!({ "id": id, "key": key.to_string() }));
    }
    print(format_args!(
        "id   {id}\nkey  {key}\nKeep it: it cannot be shown again."
    ))?;
    Ok(())
}

async fn list(keys: &Keys, json: bool) -> anyhow::Result<()> {
    let mut before = None;
    loop {
        let page = keys.list(before, PAGE).await?;
        for record in &page {
            if json {
                print_json(&view(record))?;
            } else {
                print(row(record))?;
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE as usize => before = Some(last.id),
            _ => return Ok(()),
        }
    }
}

fn view(record: &KeyRecord) -> Value {
    json!({
        "id": record.id,
        "name": record.name,
        "scopes": record.scopes,
        "created_at": record.created_at,
        "expires_at": record.expires_at,
        "revoked_at": record.revoked_at,
    })
}

fn row(record: &KeyRecord) -> String {
    let state = match (record.revoked_at, record.expires_at) {
        (Some(at), _) => format!("revoked {at}"),
        (None, Some(at)) => format!("expires {at}"),
        (None, None) => "no expiry".to_owned(),
    };
    // A name may hold anything but what would steer a terminal.
    let name: String = record.name.chars().filter(|c| !c.is_control()).collect();
    format!(
        "{}  {name:<20}  {}  {state}",
        record.id,
        record.scopes.join(",")
    )
}

fn parse_name(text: &str) -> Result<String, &'static str> {
    let fits = (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits {
        Ok(text.to_owned())
    } else {
        Err("must have 1 to 100 characters, no control characters")
    }
}

/// Ten years: longer would outlive whoever remembers the key.
const LONGEST_LIFE_S: u64 = 10 * 366 * 24 * 60 * 60;

fn parse_life(text: &str) -> Result<Duration, String> {
    let seconds = text
        .len()
        .checked_sub(1)
        .and_then(|at| text.split_at_checked(at));
    let seconds = seconds.and_then(|(number, unit)| {
        let number: u64 = number.parse().ok()?;
        let unit_s = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 60 * 60,
            "d" => 24 * 60 * 60,
            _ => return None,
        };
        number.checked_mul(unit_s)
    });
    match seconds {
        Some(seconds @ 1..=LONGEST_LIFE_S) => Ok(Duration::from_secs(seconds)),
        _ => Err("must be a number with s, m, h or d, at most ten years".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_is_a_number_and_a_unit() {
        assert_eq!(parse_life("30d"), Ok(Duration::from_hours(30 * 24)));
        assert_eq!(parse_life("90s"), Ok(Duration::from_secs(90)));
        for wrong in [
            "",
            "d",
            "0s",
            "-1d",
            "1y",
            "30",
            "1.5h",
            "99999999999999999999d",
            "4000d",
            "1é",
        ] {
            assert!(parse_life(wrong).is_err(), "{wrong}");
        }
    }
}
