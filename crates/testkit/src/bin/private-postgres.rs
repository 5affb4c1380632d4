//! Runs a private PostgreSQL server until its input ends: prints the URL, the postmaster's process id and
//! the folder, one a line.

use std::io::{Read as _, Write as _};

use stanchion_testkit::{Postgres, PostgresOptions};

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let postgres = Postgres::start(PostgresOptions::default()).await;
    let mut output = std::io::stdout();
    writeln!(output, "{}", postgres.url())?;
    writeln!(output, "{}", postgres.pid().unwrap_or_default())?;
    writeln!(output, "{}", postgres.folder().display())?;
    output.flush()?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
