//! The commands, one file each.

pub(crate) mod audit;
mod check;
pub(crate) mod export;
pub(crate) mod health;
pub(crate) mod import;
pub(crate) mod jobs;
pub(crate) mod key;
pub(crate) mod migrate;
mod progress;
pub(crate) mod serve;
mod signals;
pub(crate) mod work;

use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;
use stanchion_kernel::{Clock, Entropy, Ids};

use crate::config::Config;

/// What every command works with.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) config: Config,
    /// The file that it was read from.
    pub(crate) config_file: Option<PathBuf>,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    pub(crate) ids: Ids,
}

impl Session {
    pub(crate) fn new(config: Config, config_file: Option<PathBuf>) -> Self {
        let (clock, entropy) = (Clock::system(), Entropy::system());
        let ids = Ids::new(clock.clone(), entropy.clone());
        Self {
            config,
            config_file,
            clock,
            entropy,
            ids,
        }
    }
}

/// Prints a text on standard output.
fn print(text: impl std::fmt::Display) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// Prints a value as one line of JSON on standard output.
fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    Ok(print(serde_json::to_string(value)?)?)
}
