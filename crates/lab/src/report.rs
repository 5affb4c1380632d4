use std::collections::BTreeMap;
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
    /// What the rows are derived from, by name.
    #[serde(flatten)]
    data: BTreeMap<&'static str, serde_json::Value>,
    /// Markdown behind the table.
    #[serde(skip)]
    sections: String,
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
            ..Self::default()
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

    /// Adds a section behind the table.
    pub(crate) fn section(&mut self, title: &str, text: &str) {
        let _ = write!(self.sections, "\n## {title}\n\n{text}\n");
    }

    /// Adds measurements to the JSON.
    pub(crate) fn data(&mut self, name: &'static str, data: impl Serialize) -> anyhow::Result<()> {
        self.data.insert(name, serde_json::to_value(data)?);
        Ok(())
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
        text + &self.sections
    }

    /// Writes `NAME.md` and `NAME.json` under `folder`, with the command that was given.
    pub(crate) fn write(&self, folder: &Path, name: &str) -> anyhow::Result<()> {
        std::fs::create_dir_all(folder)?;
        let words = ["cargo".to_owned(), "lab".to_owned()].into_iter();
        let command = words
            .chain(std::env::args().skip(1))
            .collect::<Vec<_>>()
            .join(" ");
        let markdown = format!("{}\nMade by `{command}`.\n", self.markdown());
        let json = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(folder.join(name).with_extension("md"), markdown)
            .and_then(|()| std::fs::write(folder.join(name).with_extension("json"), json))
            .with_context(|| format!("cannot write to {}", folder.display()))
    }
}
