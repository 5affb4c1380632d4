//! The rules for the Dockerfile: several stages, pinned images, no root, a health check.

use super::unpinned;

pub(super) fn objections(text: &str) -> Vec<String> {
    let instructions = instructions(text);
    let mut objections = Vec::new();
    let mut stages: Vec<&str> = Vec::new();
    let mut images = 0;
    for (name, rest) in &instructions {
        if name == "FROM" {
            let words: Vec<&str> = rest
                .split_whitespace()
                .filter(|word| !word.starts_with("--"))
                .collect();
            let image = words.first().copied().unwrap_or_default();
            images += 1;
            if !stages.contains(&image) {
                objections.extend(unpinned(image));
            }
            stages.extend(words.get(2));
        }
        if name == "ADD" {
            objections.push("ADD unpacks and downloads; COPY does what it says".to_owned());
        }
    }
    if images < 2 {
        objections.push("has one stage; the compiler must not be shipped".to_owned());
    }
    let last = instructions
        .iter()
        .rposition(|(name, _)| name == "FROM")
        .unwrap_or(0);
    let shipped = &instructions[last.min(instructions.len())..];
    let find = |wanted: &str| shipped.iter().rfind(|(name, _)| name == wanted);
    match find("USER") {
        None => objections.push("runs as root: the last stage has no USER".to_owned()),
        Some((_, user)) if is_root(user) => objections.push(format!("runs as {user}")),
        Some(_) => {}
    }
    match find("HEALTHCHECK") {
        Some((_, check)) if check.contains("CMD") => {}
        _ => objections.push("has no HEALTHCHECK".to_owned()),
    }
    if find("ENTRYPOINT").is_none() {
        objections.push("has no ENTRYPOINT".to_owned());
    }
    objections
}

fn is_root(user: &str) -> bool {
    matches!(user.split(':').next(), Some("root" | "0" | ""))
}

/// Names in capitals and the rest, with continued lines joined and comments left out.
fn instructions(text: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .collect();
    lines
        .join("\n")
        .replace("\\\n", " ")
        .lines()
        .filter_map(|line| line.trim().split_once(char::is_whitespace))
        .map(|(name, rest)| (name.to_ascii_uppercase(), rest.trim().to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "FROM rust:1.95-bookworm AS build\nRUN a \\\n  b\nFROM debian:bookworm-slim\n\
        COPY --from=build /a /b\nUSER 10001:10001\nHEALTHCHECK --interval=10s \\\n  CMD [\"/b\"]\n\
        ENTRYPOINT [\"/b\"]\n";

    #[test]
    fn a_good_file_passes() {
        assert_eq!(objections(GOOD), [""; 0]);
    }

    #[test]
    fn each_rule_is_broken_alone() {
        for (from, to, word) in [
            ("debian:bookworm-slim", "debian:latest", "came last"),
            ("debian:bookworm-slim", "debian", "no tag"),
            ("USER 10001:10001\n", "", "root"),
            ("USER 10001:10001", "USER root", "root"),
            (
                "HEALTHCHECK --interval=10s \\\n  CMD [\"/b\"]\n",
                "",
                "HEALTHCHECK",
            ),
            ("FROM rust:1.95-bookworm AS build\n", "", "one stage"),
            ("COPY", "ADD", "COPY"),
            ("ENTRYPOINT", "CMD", "ENTRYPOINT"),
        ] {
            let found = objections(&GOOD.replace(from, to));
            assert_eq!(found.len(), 1, "{to}: {found:?}");
            assert!(found[0].contains(word), "{found:?}");
        }
    }
}
