//! SQL stands in `.sql` files, where it can be reviewed and its plan asserted.

use super::File;
use super::rust::{divide, test_lines};
use crate::breach::Breach;

const VERBS: &[&str] = &[
    "SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "DROP", "WITH",
];

/// Where a literal may be SQL, by the start of the path, and why.
const ALLOWED: &[(&str, &str)] = &[(
    "crates/testkit/src/postgres/",
    "names of throw-away databases cannot be parameters of a statement",
)];

pub(super) fn check(files: &[File]) -> Vec<Breach> {
    files
        .iter()
        .filter(|file| is_ruled(&file.path))
        .flat_map(check_file)
        .collect()
}

fn is_ruled(path: &str) -> bool {
    path.starts_with("crates/")
        && path.contains("/src/")
        && path.ends_with(".rs")
        && !path.ends_with("/tests.rs")
        && !ALLOWED.iter().any(|(allowed, _)| path.starts_with(allowed))
}

fn check_file(file: &File) -> Vec<Breach> {
    let parts = divide(&file.text);
    let tests = test_lines(&parts.code);
    parts
        .strings
        .iter()
        .filter(|(line, text)| is_sql(text) && !tests.iter().any(|lines| lines.contains(line)))
        .map(|(line, text)| {
            let place = format!("{}:{line}", file.path);
            let start: String = text.trim().chars().take(30).collect();
            Breach::new(place, format!("`{start}…` belongs into a .sql file"))
        })
        .collect()
}

fn is_sql(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let verb = words.next().is_some_and(|word| VERBS.contains(&word));
    verb && words.next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::{file, shown};

    fn breaches(path: &str, text: &str) -> Vec<String> {
        shown(&check(&[file(path, text)]))
    }

    #[test]
    fn sql_in_a_literal_is_found_with_its_line() {
        let found = breaches("crates/a/src/x.rs", "\nquery(\"SELECT 1\");");
        assert_eq!(
            found,
            ["crates/a/src/x.rs:2: `SELECT 1…` belongs into a .sql file"]
        );
        assert_eq!(
            breaches("crates/a/src/x.rs", "r#\"\n  DELETE\n FROM t\"#").len(),
            1
        );
    }

    #[test]
    fn other_literals_and_tests_are_left_alone() {
        for text in [
            "\"DELETE\"",
            "\"Select one\"",
            "// SELECT 1",
            "\"UPDATED on\"",
        ] {
            assert_eq!(breaches("crates/a/src/x.rs", text), [""; 0], "{text}");
        }
        let sql = "\"SELECT 1\"";
        assert_eq!(breaches("crates/a/tests/it/x.rs", sql), [""; 0]);
        let module = format!("#[cfg(test)]\nmod tests {{\n{sql}\n}}");
        assert_eq!(breaches("crates/a/src/x.rs", &module), [""; 0]);
    }

    #[test]
    fn what_is_allowed_has_a_reason() {
        assert_eq!(
            breaches("crates/testkit/src/postgres/x.rs", "\"DROP DATABASE x\""),
            [""; 0]
        );
        assert!(ALLOWED.iter().all(|(_, reason)| reason.len() > 20));
    }
}
