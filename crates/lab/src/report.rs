use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

/// What a study found, row by row.
#[derive(Default, Serialize)]
pub(crate) struct Report {
    title: String,
    machine: String,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    what: String,
    measured: String,
    beside: String,
    target: String,
    met: Option<bool>,
}

impl Report {
    pub(crate) fn new(title: &str) -> Self {
        let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let machine = format!(
            "{cores} cores, {}",
            model.map_or("unknown", |(_, name)| name)
        );
        Self {
            title: title.to_owned(),
            machine,
            rows: Vec::new(),
        }
    }

    /// Adds a row and prints it at once, since a study takes minutes.
    pub(crate) fn row(
        &mut self,
        what: &str,
        measured: String,
        beside: String,
        target: &str,
        met: Option<bool>,
    ) {
        eprintln!("{what}: {measured}; {beside} {target}");
        self.rows.push(Row {
            what: what.to_owned(),
            measured,
            beside,
            target: target.to_owned(),
            met,
        });
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("# {}\n\nMeasured on {}.\n\n", self.title, self.machine);
        text += "| what | measured | beside it, in the same run | target | met |\n|---|---|---|---|---|\n";
        for row in &self.rows {
            let met = match row.met {
                Some(true) => "yes",
                Some(false) => "no",
                None => "",
            };
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {met} |",
                row.what, row.measured, row.beside, row.target
            );
        }
        text
    }

    /// Writes `NAME.md` and `NAME.json` under `folder`.
    pub(crate) fn write(&self, folder: &Path, name: &str, command: &str) -> anyhow::Result<()> {
        std::fs::create_dir_all(folder)?;
        let markdown = format!("{}\nMade by `{command}`.\n", self.markdown());
        let json = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(folder.join(name).with_extension("md"), markdown)
            .and_then(|()| std::fs::write(folder.join(name).with_extension("json"), json))
            .with_context(|| format!("cannot write to {}", folder.display()))
    }
}
