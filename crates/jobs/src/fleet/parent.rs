//! Workers end with who started them.

use std::io;

/// Lets this process be told to stop, by SIGTERM, when the process that started it dies; `parent` is that one's id, which
/// it hands down. Call it before anything else, from a thread that lives as long as the process, with a handler for SIGTERM
/// in place. It does something on Linux alone.
///
/// # Errors
/// When the parent has died already, or the system refuses.
#[cfg(target_os = "linux")]
pub fn end_with_parent(parent: u32) -> io::Result<()> {
    signalled_after(parent, rustix::process::Signal::TERM)
}

/// Lets this process be killed when the one that started it dies, as [`end_with_parent`] lets it be told: for one that has
/// nothing to finish, or cannot be trusted to stop.
///
/// # Errors
/// As for [`end_with_parent`].
#[cfg(target_os = "linux")]
pub fn die_with_parent(parent: u32) -> io::Result<()> {
    signalled_after(parent, rustix::process::Signal::KILL)
}

#[cfg(target_os = "linux")]
fn signalled_after(parent: u32, signal: rustix::process::Signal) -> io::Result<()> {
    use rustix::process::{Pid, getppid, set_parent_process_death_signal};
    set_parent_process_death_signal(Some(signal))?;
    let known = i32::try_from(parent).ok().and_then(Pid::from_raw);
    if known.is_none() || getppid() != known {
        return Err(io::Error::other(
            "the process that started this one is gone",
        ));
    }
    Ok(())
}

/// Does nothing here: a worker whose supervisor was killed goes on until somebody stops it.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn end_with_parent(_parent: u32) -> io::Result<()> {
    Ok(())
}

/// Does nothing here.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn die_with_parent(_parent: u32) -> io::Result<()> {
    Ok(())
}
