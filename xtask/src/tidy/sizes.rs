//! How long files and functions are: a report, since a good long file beats a bad split.

use super::File;
use super::rust::{braces, divide, line_of};

const LONG_FILE_LINES: usize = 350;
const LONG_FUNCTION_LINES: usize = 60;

/// A table of medians and 90th percentiles, then what is longer than the house likes.
pub(super) fn report(files: &[File]) -> String {
    let mut file_lines = Vec::new();
    let mut function_lines = Vec::new();
    let mut long = Vec::new();
    for file in files.iter().filter(|file| file.has_ending(".rs")) {
        let lines = file.text.lines().count();
        file_lines.push(lines);
        if lines > LONG_FILE_LINES {
            long.push(format!("{lines:>6}  {}", file.path));
        }
        for (line, name, lines) in functions(&file.text) {
            function_lines.push(lines);
            if lines > LONG_FUNCTION_LINES {
                long.push(format!("{lines:>6}  {}:{line} fn {name}", file.path));
            }
        }
    }
    let mut text = String::from("lines          count  median     p90     max\n");
    text.push_str(&row("of files", &mut file_lines));
    text.push_str(&row("of functions", &mut function_lines));
    if !long.is_empty() {
        text.push_str(&format!(
            "over {LONG_FILE_LINES} in a file, {LONG_FUNCTION_LINES} in a function:\n"
        ));
        text.push_str(&long.join("\n"));
    }
    text
}

/// Line, name and length of each function that has a body.
fn functions(text: &str) -> Vec<(usize, String, usize)> {
    let code = divide(text).code;
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let starts_word = code[..at]
            .chars()
            .next_back()
            .is_none_or(char::is_whitespace);
        let name: String = code[at + 3..]
            .chars()
            .take_while(|symbol| symbol.is_alphanumeric() || *symbol == '_')
            .collect();
        // `fn(u8)` is a type.
        if !starts_word || name.is_empty() {
            continue;
        }
        if let Some(body) = braces(&code, at) {
            let line = line_of(&code, at);
            found.push((line, name, line_of(&code, body.end) - line + 1));
        }
    }
    found
}

fn row(name: &str, lengths: &mut [usize]) -> String {
    lengths.sort_unstable();
    let at = |percent: usize| {
        let index = (lengths.len() * percent / 100).min(lengths.len().saturating_sub(1));
        lengths.get(index).copied().unwrap_or_default()
    };
    format!(
        "{name:<13} {:>6} {:>7} {:>7} {:>7}\n",
        lengths.len(),
        at(50),
        at(90),
        at(100)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::file;

    #[test]
    fn functions_are_measured_from_their_name_to_their_brace() {
        let text = "trait T { fn a(&self); }\nfn b(f: fn(u8)) {\n    \"}\";\n}\nfn c() {}\n";
        let found = functions(text);
        assert_eq!(found, [(2, "b".to_owned(), 3), (5, "c".to_owned(), 1)]);
    }

    #[test]
    fn what_is_too_long_is_named() {
        let long = format!("fn long() {{\n{}}}\n", "    x();\n".repeat(60));
        let report = report(&[file("a.rs", &long), file("b.rs", "fn short() {}\n")]);
        assert!(report.contains("62  a.rs:1 fn long"), "{report}");
        assert!(!report.contains("short"), "{report}");
        assert!(report.contains("of files           2"), "{report}");
    }
}
