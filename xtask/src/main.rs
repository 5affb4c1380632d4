//! The chores of the workspace, each a subcommand of `cargo xtask`.

mod breach;
mod dist;
mod fuzz;
mod metadata;
mod openapi;
mod shell;
mod soak;
mod test;
mod tidy;
mod walk;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "The chores of the Stanchion workspace")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Installs what the tests need where it may, then runs all of them
    Test(test::Options),
    /// Checks the house rules that no lint can check
    Tidy,
    /// Builds the release archive with licences, checksums and a bill of materials
    Dist,
    /// Starts the archive's binary with a demo catalogue and runs the README's commands against it
    Walk,
    /// Refreshes docs/openapi.json from the handlers
    Openapi,
    /// Runs the long forms of tests and studies
    Soak(soak::Options),
    /// Fuzzes one parser of outside bytes
    Fuzz(fuzz::Options),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().chore {
        Chore::Test(options) => test::run(&options),
        Chore::Tidy => tidy::run(),
        Chore::Dist => dist::run(),
        Chore::Walk => walk::run(),
        Chore::Openapi => openapi::run(),
        Chore::Soak(options) => soak::run(&options),
        Chore::Fuzz(options) => fuzz::run(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The chores' names, for the rule that checks the commands of the README.
fn chores() -> Vec<String> {
    let command = <Arguments as clap::CommandFactory>::command();
    command
        .get_subcommands()
        .map(|chore| chore.get_name().to_owned())
        .collect()
}
