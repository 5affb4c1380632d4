//! Names that say nothing, words that must not stay, sleeps in tests.

use super::File;
use super::rust::{Parts, divide, line_of, test_lines};
use crate::breach::Breach;

const EMPTY_NAMES: &[&str] = &["util", "utils", "common", "helper", "helpers", "misc"];

/// Code that must not be there, and why.
const BANNED_CODE: &[(&str, &str)] = &[
    (
        "#[ignore",
        "a test that is not run proves nothing; move it to `cargo xtask soak`",
    ),
    ("todo!", "nothing unfinished is committed"),
    ("unimplemented!", "nothing unfinished is committed"),
    ("unsafe ", "there is no unsafe code here"),
    ("unsafe{", "there is no unsafe code here"),
];

const SLEEPS: &[&str] = &["thread::sleep", "time::sleep", " sleep(", "(sleep("];

pub(super) fn check(files: &[File]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for file in files {
        breaches.extend(empty_name(&file.path));
        if file.has_ending(".rs") {
            let parts = divide(&file.text);
            banned_code(file, &parts, &mut breaches);
            uncompiled_blocks(file, &parts.comments, &mut breaches);
            sleeps(file, &parts, &mut breaches);
        }
        if is_crate_document(&file.path) {
            uncompiled_blocks(file, &file.text, &mut breaches);
        }
        if is_member_manifest(&file.path) && !file.text.contains("[lints]\nworkspace = true") {
            let what = "takes no part in the workspace's lints; add `[lints] workspace = true`";
            breaches.push(Breach::new(&file.path, what));
        }
    }
    breaches
}

fn empty_name(path: &str) -> Option<Breach> {
    if path.ends_with("/mod.rs") {
        return Some(Breach::new(path, "split foo.rs + foo/ instead of mod.rs"));
    }
    let names = path
        .split('/')
        .map(|name| name.split('.').next().unwrap_or(name));
    let empty = names.into_iter().find(|name| EMPTY_NAMES.contains(name))?;
    let what = format!("`{empty}` says nothing; name it for what it holds");
    Some(Breach::new(path, what))
}

fn banned_code(file: &File, parts: &Parts, breaches: &mut Vec<Breach>) {
    for (word, why) in BANNED_CODE {
        for (at, _) in parts.code.match_indices(word) {
            let begins = parts.code[..at].chars().next_back();
            if begins.is_none_or(|before| !before.is_alphanumeric() && before != '_') {
                breaches.push(at_line(
                    file,
                    &parts.code,
                    at,
                    &format!("`{}`: {why}", word.trim()),
                ));
            }
        }
    }
}

/// The README of a crate is its documentation.
fn is_crate_document(path: &str) -> bool {
    path.starts_with("crates/") && path.ends_with("/README.md")
}

fn is_member_manifest(path: &str) -> bool {
    path == "xtask/Cargo.toml" || (path.starts_with("crates/") && path.ends_with("/Cargo.toml"))
}

fn uncompiled_blocks(file: &File, text: &str, breaches: &mut Vec<Breach>) {
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_start_matches(['/', '!', '*', ' ']);
        let Some(language) = line.strip_prefix("```") else {
            continue;
        };
        if language.split(',').any(|word| word.trim() == "ignore") {
            let place = format!("{}:{}", file.path, index + 1);
            breaches.push(Breach::new(
                place,
                "a block that nothing compiles goes stale",
            ));
        }
    }
}

fn sleeps(file: &File, parts: &Parts, breaches: &mut Vec<Breach>) {
    let is_test = file.path.contains("/tests/") || file.path.ends_with("/tests.rs");
    let modules = test_lines(&parts.code);
    for pattern in SLEEPS {
        for (at, _) in parts.code.match_indices(pattern) {
            let line = line_of(&parts.code, at);
            if is_test || modules.iter().any(|module| module.contains(&line)) {
                let what = "a sleep in a test; wait by testkit's `eventually`, or let a fault last by `hold`";
                breaches.push(at_line(file, &parts.code, at, what));
            }
        }
    }
}

fn at_line(file: &File, text: &str, at: usize, what: &str) -> Breach {
    Breach::new(format!("{}:{}", file.path, line_of(text, at)), what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::{file, shown};

    fn breaches(path: &str, text: &str) -> Vec<String> {
        shown(&check(&[file(path, text)]))
    }

    #[test]
    fn names_that_say_nothing_are_found() {
        for path in [
            "crates/a/src/util.rs",
            "crates/a/src/common/x.rs",
            "a/src/b/mod.rs",
        ] {
            assert_eq!(breaches(path, "").len(), 1, "{path}");
        }
        assert_eq!(breaches("crates/a/src/utility_bill.rs", ""), [""; 0]);
    }

    #[test]
    fn unfinished_and_unrun_code_is_found_with_its_line() {
        let found = breaches("crates/a/src/x.rs", "\nfn f() { todo!() }");
        assert!(
            found[0].starts_with("crates/a/src/x.rs:2: `todo!`"),
            "{found:?}"
        );
        assert_eq!(breaches("a.rs", "#[ignore = \"slow\"]\nfn f() {}").len(), 1);
        assert_eq!(breaches("a.rs", "unsafe { f() }").len(), 1);
        assert_eq!(breaches("a.rs", "unsafe fn f() {}").len(), 1);
    }

    #[test]
    fn words_in_comments_and_literals_are_no_code() {
        assert_eq!(
            breaches("a.rs", "// todo! unsafe \nlet a = \"todo!\";"),
            [""; 0]
        );
        assert_eq!(breaches("a.rs", "my_todo!();"), [""; 0]);
    }

    #[test]
    fn uncompiled_blocks_are_found() {
        assert_eq!(breaches("a.rs", "//! ```ignore\n//! x\n//! ```").len(), 1);
        assert_eq!(
            breaches("a.rs", "/// ```rust,ignore\n/// x\n/// ```").len(),
            1
        );
        assert_eq!(breaches("crates/a/README.md", "```ignore\n```").len(), 1);
        assert_eq!(breaches("a.rs", "/// ```no_run\n/// x\n/// ```"), [""; 0]);
    }

    #[test]
    fn sleeps_are_found_in_tests_only() {
        let sleep = "fn f() { tokio::time::sleep(d).await }";
        assert_eq!(breaches("crates/a/tests/it/x.rs", sleep).len(), 1);
        let module = format!("#[cfg(test)]\nmod tests {{ {sleep} }}");
        assert_eq!(breaches("crates/a/src/x.rs", &module).len(), 1);
        assert_eq!(breaches("crates/a/src/x.rs", sleep), [""; 0]);
        assert_eq!(
            breaches("crates/a/tests/it/x.rs", "hold(\"x\", d).await;"),
            [""; 0]
        );
    }

    #[test]
    fn every_member_takes_part_in_the_lints() {
        assert_eq!(breaches("crates/a/Cargo.toml", "[package]").len(), 1);
        assert_eq!(
            breaches("crates/a/Cargo.toml", "[lints]\nworkspace = true\n"),
            [""; 0]
        );
    }
}
