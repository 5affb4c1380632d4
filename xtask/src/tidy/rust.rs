//! Rust source as the rules see it: code, comments and string literals apart from each other.

use std::ops::Range;

/// A source text divided into its parts. Code and comments keep their lines and columns.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// The text with the insides of comments and literals blanked out.
    pub(super) code: String,
    /// The text with all but the comments blanked out.
    pub(super) comments: String,
    /// The string literals, with the line, from 1, that each starts on.
    pub(super) strings: Vec<(usize, String)>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Kind {
    Code,
    Comment,
    Text,
    Character,
}

/// Divides a source text. It need not compile: what does not end goes on to the end of the text.
pub(super) fn divide(text: &str) -> Parts {
    let mut parts = Parts::default();
    let (mut rest, mut line) = (text, 1);
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let (kind, length) = next(rest, before);
        let (piece, after) = rest.split_at(length);
        let blank = blanked(piece);
        parts
            .code
            .push_str(if kind == Kind::Code { piece } else { &blank });
        parts
            .comments
            .push_str(if kind == Kind::Comment { piece } else { &blank });
        if kind == Kind::Text {
            parts.strings.push((line, inside(piece).to_owned()));
        }
        line += piece.matches('\n').count();
        before = if kind == Kind::Code { first } else { ' ' };
        rest = after;
    }
    parts
}

/// What the rest of the text starts with, and how many bytes of it.
fn next(rest: &str, before: char) -> (Kind, usize) {
    let starts_word = !before.is_alphanumeric() && before != '_';
    if rest.starts_with("//") {
        return (Kind::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Kind::Comment, block_comment(rest));
    }
    if starts_word && let Some(length) = raw_string(rest) {
        return (Kind::Text, length);
    }
    if rest.starts_with('"') {
        return (Kind::Text, quoted(rest, '"'));
    }
    if let Some(length) = character(rest) {
        return (Kind::Character, length);
    }
    (Kind::Code, rest.chars().next().map_or(0, char::len_utf8))
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// `r"…"`, `r#"…"#` and the same with `b` or `c` before; `r#name` is none.
fn raw_string(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "r"]
        .into_iter()
        .find(|prefix| rest.starts_with(prefix))?;
    let after = &rest[prefix.len()..];
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let start = prefix.len() + hashes + 1;
    Some(
        body.find(&end)
            .map_or(rest.len(), |at| start + at + end.len()),
    )
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, symbol) in rest.char_indices().skip(1) {
        match symbol {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if symbol == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// A character literal; a lifetime, which has no closing quote behind its first letter, is none.
fn character(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix('\'')?;
    let first = inner.chars().next()?;
    if first == '\\' {
        return Some(quoted(rest, '\''));
    }
    let after = &inner[first.len_utf8()..];
    after.starts_with('\'').then_some(first.len_utf8() + 2)
}

fn blanked(piece: &str) -> String {
    let blank = |symbol: char| {
        if symbol == '\n' {
            "\n".to_owned()
        } else {
            " ".repeat(symbol.len_utf8())
        }
    };
    piece.chars().map(blank).collect()
}

fn inside(literal: &str) -> &str {
    let start = literal.find('"').map_or(0, |at| at + 1);
    let end = literal.rfind('"').filter(|end| *end >= start);
    &literal[start..end.unwrap_or(literal.len())]
}

/// Where `code` has an opening brace at or after `from`, the bytes up to its closing one.
pub(super) fn braces(code: &str, from: usize) -> Option<Range<usize>> {
    let start = from + code[from..].find(['{', ';'])?;
    let mut depth = 0_usize;
    for (at, symbol) in code[start..].char_indices() {
        match symbol {
            ';' if depth == 0 => return None,
            '{' => depth += 1,
            '}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(start..start + at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The lines, from 1, that belong to `#[cfg(test)]` modules.
pub(super) fn test_lines(code: &str) -> Vec<Range<usize>> {
    code.match_indices("#[cfg(test)]")
        .filter_map(|(at, _)| braces(code, at))
        .map(|range| line_of(code, range.start)..line_of(code, range.end) + 1)
        .collect()
}

/// The line, from 1, of a byte.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    1 + text[..at].matches('\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_comments_and_literals_are_told_apart() {
        let text = "let a = \"// no\"; // yes \"no\"\n/* b /* c */ d */ let e = r#\"f \" g\"#;";
        let parts = divide(text);
        assert_eq!(
            parts.code.split_whitespace().collect::<String>(),
            "leta=;lete=;"
        );
        assert_eq!(parts.comments.trim(), "// yes \"no\"\n/* b /* c */ d */");
        let strings: Vec<(usize, &str)> = parts
            .strings
            .iter()
            .map(|(line, text)| (*line, text.as_str()))
            .collect();
        assert_eq!(strings, [(1, "// no"), (2, "f \" g")]);
        assert_eq!(parts.code.len(), text.len());
        assert_eq!(parts.comments.len(), text.len());
    }

    #[test]
    fn lifetimes_characters_and_raw_names_end_where_they_end() {
        let text = r#"fn f<'a>(x: &'a str) -> char { r#type; if x == "\"" { '"' } else { '\'' } }"#;
        let parts = divide(text);
        assert_eq!(parts.strings.len(), 1);
        assert!(parts.code.contains("fn f<'a>(x: &'a str)"));
        assert_eq!(parts.code.matches('}').count(), 3);
    }

    #[test]
    fn a_literal_without_an_end_goes_on_to_the_end() {
        assert_eq!(divide("let a = \"é").strings, [(1, "é".to_owned())]);
        assert_eq!(divide("/* é").comments, "/* é");
    }

    #[test]
    fn test_modules_are_found_by_their_braces() {
        let code = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n";
        assert!(test_lines(code) == vec![Range { start: 3, end: 6 }]);
        assert_eq!(test_lines("#[cfg(test)]\nmod tests;\nfn c() {}\n"), []);
    }
}
