//! The command line: what is asked, and the exit code of the answer.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

use crate::commands::{self, Session};
use crate::config::{Config, Draft};
use crate::pictures::sandbox;
use crate::telemetry::Telemetry;

/// A product-catalogue backend that stays up.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 all went well, 1 something failed, 2 the command line is wrong.\n\
                  Example: stanchion serve --demo"
)]
struct Cli {
    /// The configuration file, TOML; every key can also be set by STANCHION_SECTION__KEY
    #[arg(long, global = true, value_name = "FILE", env = "STANCHION_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Audit(commands::audit::Arguments),
    Export(commands::export::Arguments),
    Health(commands::health::Arguments),
    Import(commands::import::Arguments),
    Jobs(commands::jobs::Arguments),
    Key(commands::key::Arguments),
    Migrate(commands::migrate::Arguments),
    /// Render a picture, as the process of a worker; it reads its order from its standard input
    #[command(hide = true)]
    Render,
    Serve(commands::serve::Arguments),
    Work(commands::work::Arguments),
}

/// Runs the command that the process was started with.
///
/// The exit code is 0 when all went well, 1 when something failed and 2 when the command line is wrong.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match run_command(cli) {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stanchion: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run_command(cli: Cli) -> anyhow::Result<ExitCode> {
    // It is confined before it has threads, and needs nothing of what follows.
    if let Command::Render = cli.command {
        return sandbox::run();
    }
    // TLS needs one provider of cryptography per process; a second install is refused and harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(async {
        // A probe must not depend on the configuration of the server that it asks.
        if let Command::Health(arguments) = cli.command {
            return commands::health::run(arguments).await;
        }
        let session = Session::new(load(cli.config.as_deref(), &cli.command)?, cli.config);
        let telemetry = Telemetry::install(&session.config.telemetry, session.clock.clone())?;
        let result = dispatch(cli.command, &session, &telemetry).await;
        telemetry.stop();
        result
    })
}

async fn dispatch(
    command: Command,
    session: &Session,
    telemetry: &Telemetry,
) -> anyhow::Result<ExitCode> {
    match command {
        Command::Audit(arguments) => commands::audit::run(arguments, session).await,
        Command::Export(arguments) => commands::export::run(arguments, session).await,
        Command::Health(arguments) => commands::health::run(arguments).await,
        Command::Import(arguments) => commands::import::run(arguments, session).await,
        Command::Jobs(arguments) => commands::jobs::run(arguments, session).await,
        Command::Key(arguments) => commands::key::run(arguments, session).await,
        Command::Migrate(arguments) => commands::migrate::run(arguments, session).await,
        Command::Render => sandbox::run(),
        Command::Serve(arguments) => commands::serve::run(arguments, session, telemetry).await,
        Command::Work(arguments) => commands::work::run(arguments, session, telemetry).await,
    }
}

/// The configuration of all layers: file, environment, flags.
fn load(path: Option<&std::path::Path>, command: &Command) -> anyhow::Result<Config> {
    let mut draft = Draft::default();
    if let Some(path) = path {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the configuration file {shown}"))?;
        draft = draft.named(&shown).file(&text);
    }
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    draft = draft.environment(variables);
    if let Command::Serve(arguments) = command
        && let Some(address) = &arguments.listen
    {
        draft = draft.flag("--listen", "server.listen", address);
    }
    Ok(draft.finish()?)
}

/// Whether the reader of our output has gone, as `head` does; nobody is left to complain to.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let cause = cause.downcast_ref::<std::io::Error>();
        cause.is_some_and(|cause| cause.kind() == ErrorKind::BrokenPipe)
    })
}
