//! Starts a program that runs for ever and holds it until it is killed itself; prints the process id.

use std::io::Write as _;

use stanchion_testkit::Program;

fn main() -> std::io::Result<()> {
    let program = Program::new("tail").args(["-f", "/dev/null"]).start();
    writeln!(std::io::stdout(), "holding {}", program.pid())?;
    loop {
        std::thread::park();
    }
}
