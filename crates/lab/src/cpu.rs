//! Who used the processors.

use std::path::Path;

/// What the kernel counts processor time in, on every machine that Linux runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor seconds so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Used {
    /// Of the process itself.
    pub own: f64,
    /// Of its children that ended and were waited for.
    pub ended: f64,
}

struct Process {
    parent: u32,
    used: Used,
}

/// What a process used; nothing when it is gone.
pub(crate) fn of(pid: u32) -> Used {
    read(&pid.to_string()).map_or_else(Used::default, |process| process.used)
}

/// What a process and its children used, those that ended included.
pub(crate) fn of_family(pid: u32) -> f64 {
    let used = of(pid);
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = entries.filter_map(|entry| read(entry.file_name().to_str()?));
    let children = processes.filter(|process| process.parent == pid);
    let alive: f64 = children.map(|child| child.used.own).sum();
    used.own + used.ended + alive
}

fn read(pid: &str) -> Option<Process> {
    parse(&std::fs::read_to_string(Path::new("/proc").join(pid).join("stat")).ok()?)
}

/// The fields behind the name, which may itself hold spaces and parentheses.
fn parse(stat: &str) -> Option<Process> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    let seconds = |user, system| Some((ticks(user)? + ticks(system)?) / TICKS_PER_SECOND);
    Some(Process {
        parent: fields.get(1)?.parse().ok()?,
        used: Used {
            own: seconds(11, 12)?,
            ended: seconds(13, 14)?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_of_a_process_with_an_odd_name_are_read() {
        let stat = "42 (a b) c) S 7 42 42 0 -1 4194560 1 2 3 4 150 50 300 100 20 0 1 0";
        let process = parse(stat).unwrap();
        let used = Used {
            own: 2.0,
            ended: 4.0,
        };
        assert_eq!((process.parent, process.used), (7, used));
        assert!(parse("nothing").is_none());
    }

    #[test]
    fn this_process_is_found() {
        assert!(of_family(std::process::id()) >= 0.0);
        assert_eq!(of(0), Used::default());
    }
}
