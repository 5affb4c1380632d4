use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use stanchion_kernel::Clock;
use tempfile::TempDir;

use crate::eventually;

// Ends the program when our process was killed and could not. The start time, field 22, tells the program
// from a later process with its id; what stands before the last parenthesis may hold spaces.
const WATCHDOG: &str = r#"
trap '' HUP INT TERM PIPE
started() { sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 20; }
before=$(started "$1")
read -r _
[ -n "$before" ] && [ "$(started "$1")" = "$before" ] && kill -KILL "$1"
"#;

/// A program to be started: one of our binaries, with arguments and an environment.
#[derive(Debug)]
pub struct Program {
    command: Command,
    folder: TempDir,
}

impl Program {
    /// The program at `path`, as `env!("CARGO_BIN_EXE_…")` names it. Its input is empty.
    ///
    /// # Panics
    /// When no temporary folder can be made.
    #[must_use]
    pub fn new(path: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(path);
        command.stdin(Stdio::null());
        let folder = TempDir::new().expect("a temporary folder can be made");
        Self { command, folder }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets the working folder.
    #[must_use]
    pub fn cwd(mut self, folder: impl AsRef<Path>) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Gives the program this input.
    ///
    /// # Panics
    /// When the disk is full.
    #[must_use]
    pub fn input(mut self, bytes: &[u8]) -> Self {
        let path = self.folder.path().join("stdin");
        fs::write(&path, bytes).expect("the input can be written");
        let file = File::open(&path).expect("the input was just written");
        self.command.stdin(file);
        self
    }

    /// Starts the program, with its output and errors captured in files.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(mut self) -> Running {
        let capture =
            |name| File::create(self.folder.path().join(name)).expect("the output can be captured");
        self.command
            .stdout(capture("stdout"))
            .stderr(capture("stderr"));
        let child = match self.command.spawn() {
            Ok(child) => child,
            Err(error) => panic!("{:?} does not start: {error}", self.command),
        };
        let watchdog = watch(child.id());
        Running {
            pid: child.id(),
            child: Mutex::new(child),
            watchdog,
            folder: self.folder,
        }
    }
}

fn watch(pid: u32) -> Child {
    Command::new("sh")
        .args(["-c", WATCHDOG, "watchdog", &pid.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("a POSIX shell can be started")
}

/// A program that was started. It is killed when this value is dropped or our process ends.
#[derive(Debug)]
pub struct Running {
    pid: u32,
    child: Mutex<Child>,
    watchdog: Child,
    folder: TempDir,
}

impl Running {
    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// What the program has written to its standard output so far.
    #[must_use]
    pub fn stdout(&self) -> String {
        self.captured("stdout")
    }

    /// What the program has written to its standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.captured("stderr")
    }

    /// Waits for a whole line of output or errors that contains `pattern`, and returns the first.
    ///
    /// # Panics
    /// When the program ends without one or the deadline passes, with all that the program has written.
    pub async fn wait_for_line(&self, pattern: &str, deadline: Duration) -> String {
        let clock = Clock::system();
        let start = clock.monotonic();
        loop {
            // Asked before the output is read: what it wrote last must still be found.
            let ended = self.status();
            let output = [self.stdout(), self.stderr()];
            let mut lines = output.iter().flat_map(|text| whole_lines(text));
            if let Some(line) = lines.find(|line| line.contains(pattern)) {
                return line.to_owned();
            }
            let waited = clock.monotonic().saturating_sub(start);
            if ended.is_some() || waited > deadline {
                let [stdout, stderr] = &output;
                panic!(
                    "no line with {pattern:?} after {waited:?} ({ended:?})\n\
                     --- stdout\n{stdout}--- stderr\n{stderr}"
                );
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits for the program to end.
    ///
    /// # Panics
    /// When the deadline passes, with all that the program has written to its errors.
    pub async fn wait(&self, deadline: Duration) -> ExitStatus {
        let clock = Clock::system();
        let start = clock.monotonic();
        loop {
            if let Some(status) = self.status() {
                return status;
            }
            let waited = clock.monotonic().saturating_sub(start);
            let pid = self.pid;
            assert!(
                waited < deadline,
                "process {pid} still runs after {waited:?}\n{}",
                self.stderr()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Kills the program as a crash would and waits until it is gone.
    pub fn kill9(&self) {
        let mut child = self.child();
        // Neither fails for a process that has ended already.
        let _killed = child.kill();
        let _status = child.wait();
    }

    /// Asks the program to end, as a service manager does.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Asks the program to end, as Ctrl-C does.
    pub fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// Freezes the program: what it holds open stays open, and it does nothing.
    ///
    /// # Panics
    /// When it has ended.
    pub async fn pause(&self) {
        assert!(
            self.try_pause().await,
            "a program that ended cannot be paused"
        );
    }

    /// Lets the program stand still unless it has ended; answers whether it does.
    ///
    /// # Panics
    /// When it does neither for ten seconds.
    pub async fn try_pause(&self) -> bool {
        self.signal(Signal::STOP);
        let deadline = Duration::from_secs(10);
        let has_stopped = || async { self.is_paused() || self.has_ended() };
        eventually("the program stands still", deadline, has_stopped).await;
        !self.has_ended()
    }

    /// Lets the program go on after [`Running::pause`].
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    pub(crate) fn is_paused(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        // The state follows the name, which may hold parentheses itself.
        stat.rsplit_once(") ")
            .is_some_and(|(_, fields)| fields.starts_with('T'))
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.status().is_some()
    }

    fn signal(&self, signal: Signal) {
        // Under the lock and before a wait the id is the program's own, dead or alive.
        let mut child = self.child();
        if matches!(child.try_wait(), Ok(None)) {
            let _ended = kill_process(Pid::from_child(&child), signal);
        }
    }

    fn status(&self) -> Option<ExitStatus> {
        self.child().try_wait().expect("our own child can be asked")
    }

    fn child(&self) -> std::sync::MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn captured(&self, name: &str) -> String {
        let bytes = fs::read(self.folder.path().join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill9();
        // The input's end wakes the watchdog, which finds nothing to do.
        if let Some(mut pipe) = self.watchdog.stdin.take() {
            let _ended = pipe.write_all(b"\n");
        }
        let _status = self.watchdog.wait();
    }
}

fn whole_lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n')
        .filter_map(|line| line.strip_suffix('\n'))
}
