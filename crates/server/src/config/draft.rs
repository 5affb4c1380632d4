use std::collections::BTreeMap;

use serde::Deserialize;

use super::error::{ConfigError, Finding, Origin};
use super::key::Key;
use super::value::Value;
use super::{Config, environment, file, limiter};

/// A configuration in the making: layers are added, the later one wins, and [`Draft::finish`] judges the result.
#[derive(Debug, Default)]
pub struct Draft {
    file: Option<String>,
    settings: BTreeMap<&'static str, (Value, Origin)>,
    findings: Vec<Finding>,
}

impl Draft {
    /// The file's name, for messages.
    #[must_use]
    pub fn named(mut self, file: &str) -> Self {
        self.file = Some(file.to_owned());
        self
    }

    /// Adds a TOML file's text.
    #[must_use]
    pub fn file(mut self, text: &str) -> Self {
        let settings = &mut self.settings;
        file::read(text, |k, v, o| put(settings, k, v, o), &mut self.findings);
        self
    }

    /// Adds an environment.
    #[must_use]
    pub fn environment(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let settings = &mut self.settings;
        environment::read(
            variables,
            |k, v, o| put(settings, k, v, o),
            &mut self.findings,
        );
        self
    }

    /// Adds a command-line flag's value for the key `name`.
    #[must_use]
    pub fn flag(mut self, flag: &'static str, name: &str, text: &str) -> Self {
        if let Some(key) = super::keys().find(|key| key.name == name) {
            let value = Value::from_text(text, &key.kind);
            put(&mut self.settings, key, value, Origin::Flag(flag));
        }
        self
    }

    /// The checked configuration.
    ///
    /// # Errors
    /// With everything that is wrong in any layer.
    pub fn finish(mut self) -> Result<Config, ConfigError> {
        if let Some((Value::Tables(tables), origin)) = self.settings.get("limiter.limits") {
            let objections = limiter::objections(tables).into_iter();
            self.findings.extend(objections.map(|message| Finding {
                origin: origin.clone(),
                message,
            }));
        }
        if let Some((Value::Tables(tables), origin)) = self.settings.get("limiter.envoy_rules")
            && let Some(message) = limiter::wrong_rules(tables)
        {
            self.findings.push(Finding {
                origin: origin.clone(),
                message,
            });
        }
        for key in super::keys() {
            if let Some((value, origin)) = self.settings.get(key.name)
                && !key.accepts(value)
            {
                let (shown, expected) = (key.show(value), key.kind.expected());
                self.findings.push(Finding {
                    origin: origin.clone(),
                    message: format!("`{}` is {shown} but must be {expected}", key.name),
                });
            }
        }
        if self.findings.is_empty() {
            match self.typed() {
                Ok(config) => {
                    self.findings = self.contradictions(&config);
                    if self.findings.is_empty() {
                        return Ok(config);
                    }
                }
                Err(message) => self.findings.push(Finding {
                    origin: Origin::Default,
                    message,
                }),
            }
        }
        Err(ConfigError {
            file: self.file,
            findings: self.findings,
        })
    }

    fn typed(&self) -> Result<Config, String> {
        let mut table = toml::Table::new();
        for (name, (value, _)) in &self.settings {
            if let Some((section, key)) = name.split_once('.') {
                let entry = table
                    .entry(section)
                    .or_insert_with(|| toml::Table::new().into());
                if let toml::Value::Table(entries) = entry {
                    entries.insert(key.to_owned(), value.clone().into_toml());
                }
            }
        }
        Config::deserialize(table).map_err(|error| error.message().to_owned())
    }

    /// Keys that are valid each but not together.
    fn contradictions(&self, config: &Config) -> Vec<Finding> {
        let found = config.server.contradiction().into_iter();
        let found = found.chain(config.auth.contradiction());
        let found = found.chain(config.limiter.contradiction());
        found
            .map(|(name, message)| Finding {
                origin: self
                    .settings
                    .get(name)
                    .map_or(Origin::Default, |(_, origin)| origin.clone()),
                message: format!("`{name}` {message}"),
            })
            .collect()
    }
}

fn put(
    settings: &mut BTreeMap<&'static str, (Value, Origin)>,
    key: &'static Key,
    value: Value,
    origin: Origin,
) {
    settings.insert(key.name, (value, origin));
}
