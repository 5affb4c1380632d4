use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// A statement in a `.sql` file with optional lines, so that one reviewed text serves a family of queries.
///
/// A line that ends in `--? a b` is kept when all of `a` and `b` are among the wanted features, and dropped otherwise;
/// `!a` asks for a feature's absence. Parameters are written `:name`; [`Statement::postgres`] numbers them and says in
/// which order to bind them, SQLite takes them by name.
#[derive(Debug)]
pub struct Statement {
    name: &'static str,
    template: &'static str,
    rendered: RwLock<HashMap<Vec<&'static str>, Rendered>>,
}

/// A statement with its optional lines decided. It lives as long as the program: there are few of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The statement's name, for measurements.
    pub name: &'static str,
    /// The SQL text.
    pub sql: &'static str,
    /// The parameters, in the order of their numbers.
    pub parameters: &'static [&'static str],
}

impl Statement {
    /// The statement `name` with the text of its file.
    #[must_use]
    pub fn new(name: &'static str, template: &'static str) -> Self {
        Self {
            name,
            template,
            rendered: RwLock::default(),
        }
    }

    /// The text for SQLite, with `:name` parameters, for the wanted features in a fixed order.
    #[must_use]
    pub fn sqlite(&self, features: &[&'static str]) -> Rendered {
        self.render(features, |line, parameters| {
            each_parameter(line, |name| {
                if !parameters.contains(&name) {
                    parameters.push(name);
                }
                format!(":{name}")
            })
        })
    }

    /// The text for PostgreSQL, with `$n` parameters, for the wanted features in a fixed order.
    #[must_use]
    pub fn postgres(&self, features: &[&'static str]) -> Rendered {
        self.render(features, |line, parameters| {
            each_parameter(line, |name| {
                let known = parameters.iter().position(|parameter| *parameter == name);
                let at = known.unwrap_or_else(|| {
                    parameters.push(name);
                    parameters.len() - 1
                });
                format!("${}", at + 1)
            })
        })
    }

    fn render(
        &self,
        features: &[&'static str],
        line: impl Fn(&'static str, &mut Vec<&'static str>) -> String,
    ) -> Rendered {
        if let Some(done) = self
            .rendered
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(features)
        {
            return *done;
        }
        let mut parameters = Vec::new();
        let lines: Vec<String> = self
            .template
            .lines()
            .filter_map(|text| kept(text, features))
            .map(|text| line(text, &mut parameters))
            .collect();
        // Leaked on purpose and once per combination of features, of which a statement has a few dozen at most.
        let rendered = Rendered {
            name: self.name,
            sql: lines.join("\n").leak(),
            parameters: parameters.leak(),
        };
        let mut known = self
            .rendered
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *known.entry(features.to_vec()).or_insert(rendered)
    }
}

/// The line without its condition, when the condition holds; no line for comments.
fn kept(line: &'static str, features: &[&'static str]) -> Option<&'static str> {
    let Some((text, conditions)) = line.split_once("--?") else {
        return (!line.trim_start().starts_with("--")).then_some(line);
    };
    let holds = conditions
        .split_whitespace()
        .all(|condition| match condition.strip_prefix('!') {
            Some(absent) => !features.contains(&absent),
            None => features.contains(&condition),
        });
    holds.then_some(text.trim_end())
}

/// Replaces each `:name`, and leaves `::type` casts alone.
fn each_parameter(line: &'static str, mut replace: impl FnMut(&'static str) -> String) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(colon) = rest.find(':') {
        out.push_str(&rest[..colon]);
        let after = &rest[colon + 1..];
        let end = after
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(after.len());
        if let Some(cast) = after.strip_prefix(':') {
            out.push_str("::");
            rest = cast;
        } else if end == 0 {
            out.push(':');
            rest = after;
        } else {
            out.push_str(&replace(&after[..end]));
            rest = &after[end..];
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "\
-- What it is for.
SELECT a FROM t
WHERE a > :low
  AND b = :b::text --? b
  AND c = :low --? !b
ORDER BY a";

    #[test]
    fn optional_lines_are_kept_when_their_features_are_wanted() {
        let statement = Statement::new("t", TEMPLATE);
        let with = statement.postgres(&["b"]);
        assert_eq!(
            with.sql,
            "SELECT a FROM t\nWHERE a > $1\n  AND b = $2::text\nORDER BY a"
        );
        assert_eq!(with.parameters, ["low", "b"]);
        let without = statement.postgres(&[]);
        assert_eq!(
            without.sql,
            "SELECT a FROM t\nWHERE a > $1\n  AND c = $1\nORDER BY a"
        );
        assert_eq!(without.parameters, ["low"]);
    }

    #[test]
    fn sqlite_keeps_names() {
        let statement = Statement::new("t", TEMPLATE);
        assert!(statement.sqlite(&["b"]).sql.contains("b = :b::text"));
    }

    #[test]
    fn a_statement_is_rendered_once_per_combination() {
        let statement = Statement::new("t", TEMPLATE);
        assert!(std::ptr::eq(
            statement.postgres(&["b"]).sql,
            statement.postgres(&["b"]).sql
        ));
    }
}
