//! `cargo xtask soak`: the long forms of what the test run does in short.

use crate::shell;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only the runs whose name contains this
    only: Option<String>,
}

struct Run {
    name: &'static str,
    arguments: &'static [&'static str],
    /// How long it is; what the caller has set goes before.
    environment: &'static [(&'static str, &'static str)],
}

const MANY_CASES: &[(&str, &str)] = &[("PROPTEST_CASES", "100000")];
const RUNS: &[Run] = &[
    Run {
        name: "kernel-properties",
        arguments: &[
            "test",
            "--release",
            "--locked",
            "--package",
            "stanchion-kernel",
        ],
        environment: MANY_CASES,
    },
    Run {
        name: "store-properties",
        arguments: &[
            "test",
            "--release",
            "--locked",
            "--package",
            "stanchion-store",
        ],
        environment: MANY_CASES,
    },
    Run {
        name: "catalog-properties",
        arguments: &[
            "test",
            "--release",
            "--locked",
            "--package",
            "stanchion-catalog",
        ],
        environment: MANY_CASES,
    },
    Run {
        name: "limiter-properties",
        arguments: &[
            "test",
            "--release",
            "--locked",
            "--package",
            "stanchion-limiter",
            "--all-features",
            "--test",
            "it",
            "properties",
        ],
        environment: MANY_CASES,
    },
    Run {
        name: "jobs-faults",
        arguments: &[
            "test",
            "--release",
            "--locked",
            "--package",
            "stanchion-jobs",
            "--all-features",
            "--test",
            "it",
            "faults::",
            "--",
            "--nocapture",
            "--test-threads",
            "1",
        ],
        environment: &[("STANCHION_JOBS_FAULT_JOBS", "20000")],
    },
    Run {
        name: "sim",
        arguments: &[
            "test",
            "--release",
            "--locked",
            "--package",
            "stanchion-sim",
        ],
        environment: &[("STANCHION_SIM_SEEDS", "100000")],
    },
    Run {
        name: "audit",
        arguments: &[
            "test",
            "--release",
            "--locked",
            "--package",
            "stanchion",
            "--test",
            "it",
            "an_audit_names",
            "--",
            "--nocapture",
            "--test-threads",
            "1",
        ],
        environment: &[("STANCHION_AUDIT_MOVEMENTS", "10000000")],
    },
    Run {
        name: "lab-limiter",
        arguments: &["lab", "limiter", "--seconds", "30"],
        environment: &[],
    },
    Run {
        name: "lab-jobs",
        arguments: &["lab", "jobs", "--soak"],
        environment: &[],
    },
    Run {
        name: "lab-catalog",
        arguments: &["lab", "catalog", "--soak"],
        environment: &[],
    },
];

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let wanted = options.only.as_deref().unwrap_or_default();
    let runs: Vec<&Run> = RUNS
        .iter()
        .filter(|run| run.name.contains(wanted))
        .collect();
    let names: Vec<&str> = RUNS.iter().map(|run| run.name).collect();
    anyhow::ensure!(
        !runs.is_empty(),
        "no run is called {wanted}; there are {names:?}"
    );
    for run in runs {
        eprintln!("soak: {}", run.name);
        let mut command = shell::cargo();
        let unset = |(name, _): &(&str, &str)| std::env::var_os(name).is_none();
        command
            .args(run.arguments)
            .envs(run.environment.iter().copied().filter(unset));
        shell::run(&mut command)?;
    }
    Ok(())
}
