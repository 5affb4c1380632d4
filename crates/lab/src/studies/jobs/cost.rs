//! What the processors did for a job. It is much the same on a machine that has other things to do.

use crate::cpu;
use crate::load::number;

/// What was used before.
pub(super) struct Cost {
    server: Option<u32>,
    here: f64,
    there: f64,
}

impl Cost {
    /// Counts from now on, here and in a server and its children.
    pub(super) fn begin(server: Option<u32>) -> Self {
        let (here, there) = used(server);
        Self {
            server,
            here,
            there,
        }
    }

    /// For each of so many jobs.
    pub(super) fn of_each(&self, jobs: u64) -> String {
        let (here, there) = used(self.server);
        let micros = |seconds: f64| 1e6 * seconds / number(jobs.max(1));
        let here = micros(here - self.here);
        match self.server {
            Some(_) => {
                let there = micros(there - self.there);
                format!("{here:.0} µs of a processor a job here, {there:.0} µs in PostgreSQL")
            }
            None => format!("{here:.0} µs of a processor a job"),
        }
    }
}

fn used(server: Option<u32>) -> (f64, f64) {
    let here = cpu::of(std::process::id()).own;
    (here, server.map_or(0.0, cpu::of_family))
}
