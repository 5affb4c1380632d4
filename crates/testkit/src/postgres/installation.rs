//! Where PostgreSQL is installed, and as whom it may run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const INSTALL: &str = "apt-get install -y --no-install-recommends postgresql";

/// The programs of one installed PostgreSQL.
#[derive(Clone, Debug)]
pub(super) struct Installation {
    /// The folder that holds `initdb`, `pg_ctl` and `psql`.
    pub(super) bin: PathBuf,
    /// The user to run the server as; `None` runs it as ourselves.
    pub(super) owner: Option<&'static str>,
}

impl Installation {
    /// Finds the newest installed PostgreSQL.
    ///
    /// # Panics
    /// When there is none: a missing server fails the test and says how to install it.
    pub(super) fn find() -> Self {
        let bin = newest_packaged().or_else(on_path).unwrap_or_else(|| {
            panic!(
                "these tests need PostgreSQL, and no initdb is in /usr/lib/postgresql/*/bin or PATH; \
                 install it with: {INSTALL}"
            )
        });
        // The server refuses to run as root.
        let owner = rustix::process::geteuid().is_root().then_some("postgres");
        Self { bin, owner }
    }

    /// A new folder that the server's user can reach and write.
    ///
    /// # Panics
    /// When neither the system's folder for temporary files nor `/tmp` will do.
    pub(super) fn make_folder(&self) -> PathBuf {
        let parents = [std::env::temp_dir(), PathBuf::from("/tmp")];
        let parent = parents
            .iter()
            .find(|parent| self.can_pass(parent))
            .unwrap_or_else(|| panic!("the user postgres can pass none of {parents:?}"));
        let folder = tempfile::Builder::new()
            .prefix("stanchion-postgres-")
            .tempdir_in(parent)
            .expect("a temporary folder can be made")
            .keep();
        self.give(&folder);
        // The supervisor compares it with what the kernel shows.
        folder
            .canonicalize()
            .expect("the new folder has a real path")
    }

    /// Makes the server's user the owner of `path`.
    pub(super) fn give(&self, path: &Path) {
        let Some(owner) = self.owner else { return };
        let status = Command::new("chown").arg(owner).arg(path).status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "{} cannot be given to the user {owner}; is PostgreSQL's package complete? {INSTALL}",
            path.display()
        );
    }

    fn can_pass(&self, folder: &Path) -> bool {
        let Some(owner) = self.owner else {
            return folder.is_dir();
        };
        Command::new("runuser")
            .args(["-u", owner, "--", "test", "-x"])
            .arg(folder)
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }
}

fn newest_packaged() -> Option<PathBuf> {
    std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            let bin = entry.path().join("bin");
            bin.join("initdb").is_file().then_some((version, bin))
        })
        .max()
        .map(|(_, bin)| bin)
}

fn on_path() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).find(|folder| folder.join("initdb").is_file())
}
