use std::fmt;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// The file, at this line, counted from 1.
    File {
        /// The line of the key.
        line: usize,
    },
    /// The environment variable of this name.
    Environment(String),
    /// The command-line flag of this name.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { line } => write!(f, "line {line}"),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where it stands.
    pub origin: Origin,
    /// What is wrong and what to do, one line.
    pub message: String,
}

/// The configuration is not valid; the text names every finding, one a line, and no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The path of the file, when there is one.
    pub file: Option<String>,
    /// All that is wrong, at least one.
    pub findings: Vec<Finding>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration is not valid")?;
        for finding in &self.findings {
            f.write_str("\n  ")?;
            if let (Origin::File { .. }, Some(file)) = (&finding.origin, &self.file) {
                write!(f, "{file}, ")?;
            }
            write!(f, "{}: {}", finding.origin, finding.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
