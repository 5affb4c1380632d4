//! Worker processes: this program, started as `stanchion work`.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use stanchion_jobs::Worker;
use stanchion_jobs::autoscale::Rules;
use stanchion_jobs::fleet::{Fleet, FleetConfig, Restarts, Started};
use stanchion_kernel::Ids;
use tokio::process::Command;

use super::jobs::{Queues, own_queues, worker_config};
use crate::commands::Session;
use crate::config::JobsSection;

/// How many workers there may be, and where their metrics are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// The fewest.
    pub(crate) min: u32,
    /// The most.
    pub(crate) max: u32,
    /// Where the supervisor's metrics are; those of its workers are on the ports that follow.
    pub(crate) metrics: Option<SocketAddr>,
}

/// A fleet that works on this program's own kinds.
///
/// # Errors
/// When this program cannot be found, to start it again.
pub(crate) fn fleet(session: &Session, queues: &Queues, size: Size) -> anyhow::Result<Fleet> {
    let program = std::env::current_exe().context("the path of this program is not known")?;
    let birth = Birth {
        program,
        config_file: session.config_file.clone(),
        metrics: size.metrics,
        ids: session.ids.clone(),
    };
    let config = config(&session.config.jobs, size)?;
    let port = queues.jobs.port().clone();
    let starter = move |place: u32| birth.start(place);
    Ok(Fleet::new(port, config, session.clock.clone(), starter))
}

fn config(section: &JobsSection, size: Size) -> anyhow::Result<FleetConfig> {
    let queues = own_queues()?;
    let worker = worker_config(section, Worker::new("any")?, queues.clone());
    // A worker ends by itself when all that it waits for is over.
    let longest = worker.grace + worker.cancel_grace + worker.lease;
    Ok(FleetConfig {
        rules: Rules {
            min: size.min,
            max: size.max,
            slots: section.slots,
            drain: Duration::from_secs(section.drain_seconds),
            smoothing: Duration::from_secs(section.smoothing_seconds),
            calm: Duration::from_secs(section.calm_seconds),
            spare: f64::from(section.spare_percent) / 100.0,
            assumed_service: Duration::from_millis(section.assumed_service_ms),
        },
        queues,
        look: Duration::from_millis(section.look_ms),
        patience: longest + Duration::from_millis(section.kill_margin_ms),
        restarts: Restarts {
            first_pause: Duration::from_millis(section.restart_first_ms),
            longest_pause: Duration::from_millis(section.restart_longest_ms),
            well_after: Duration::from_secs(section.restart_well_seconds),
        },
    })
}

/// What a worker needs to be what its supervisor is; the environment it inherits.
#[derive(Clone, Debug)]
struct Birth {
    program: PathBuf,
    config_file: Option<PathBuf>,
    metrics: Option<SocketAddr>,
    ids: Ids,
}

impl Birth {
    fn start(&self, place: u32) -> io::Result<Started> {
        let supervisor = std::process::id();
        // Names of workers on other machines, and of one that died here, are others.
        let (_, unique) = self.ids.next().as_u64_pair();
        let name = format!("work-{supervisor}-{place}-{:08x}", unique & 0xffff_ffff);
        let worker = Worker::new(&name).map_err(io::Error::other)?;
        let mut command = Command::new(&self.program);
        if let Some(file) = &self.config_file {
            command.arg("--config").arg(file);
        }
        command.arg("work").args(["--worker-name", &name]);
        command.args(["--member-of", &supervisor.to_string()]);
        if let Some(address) = self.metrics {
            let address = of_place(address, place)?.to_string();
            command.args(["--metrics-listen", &address]);
        }
        // Ctrl-C is for the supervisor, which then tells its workers.
        let child = command.process_group(0).spawn()?;
        Ok(Started { child, worker })
    }
}

/// The address of a worker's metrics: the supervisor's port and as many more as there are places before, and one. Port 0 stays a
/// free one.
fn of_place(supervisor: SocketAddr, place: u32) -> io::Result<SocketAddr> {
    if supervisor.port() == 0 {
        return Ok(supervisor);
    }
    let port = u32::from(supervisor.port()) + 1 + place;
    let port = u16::try_from(port);
    let port = port.map_err(|_| io::Error::other("no port is left for the metrics of a worker"))?;
    Ok(SocketAddr::new(supervisor.ip(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_take_the_ports_that_follow() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let supervisor = address("127.0.0.1:9100");
        assert_eq!(of_place(supervisor, 0).unwrap(), address("127.0.0.1:9101"));
        assert_eq!(of_place(supervisor, 7).unwrap(), address("127.0.0.1:9108"));
        assert_eq!(of_place(address("[::1]:0"), 3).unwrap(), address("[::1]:0"));
        assert!(of_place(address("127.0.0.1:65535"), 0).is_err());
    }

    #[test]
    fn the_defaults_are_those_of_the_autoscaler_and_the_fleet() {
        let size = Size {
            min: 1,
            max: 8,
            metrics: None,
        };
        let config = config(&JobsSection::default(), size).unwrap();
        let defaults = FleetConfig::new(Vec::new());
        assert_eq!(config.rules, defaults.rules);
        assert_eq!(config.restarts, defaults.restarts);
        assert_eq!(config.look, defaults.look);
        assert!(config.patience > Duration::from_secs(33));
    }
}
