use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::line::Reason;

/// The longest line, in bytes; the largest valid product is about half of it.
const MAX_LINE: usize = 1024 * 1024;
const CHUNK: usize = 64 * 1024;

/// A line of the input.
pub(super) struct Line {
    /// Its number, from 1, empty lines counted.
    pub number: u64,
    /// Its bytes without the line break, or why it cannot be one.
    pub text: Result<Vec<u8>, Reason>,
}

/// Splits an input into lines in bounded memory: what is too long is skipped, not kept.
pub(super) struct Lines<R> {
    input: R,
    chunk: Vec<u8>,
    at: usize,
    number: u64,
    ended: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            chunk: Vec::new(),
            at: 0,
            number: 0,
            ended: false,
        }
    }

    /// The next line that is not empty.
    pub(super) async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let Some(line) = self.any().await? else {
                return Ok(None);
            };
            match &line.text {
                Ok(text) if text.iter().all(u8::is_ascii_whitespace) => {}
                _ => return Ok(Some(line)),
            }
        }
    }

    async fn any(&mut self) -> io::Result<Option<Line>> {
        let mut text = Vec::new();
        let mut too_long = false;
        loop {
            if self.at == self.chunk.len() && !self.fill().await? {
                let unfinished = !text.is_empty() || too_long;
                return Ok(unfinished.then(|| self.line(text, too_long)));
            }
            let rest = &self.chunk[self.at..];
            let end = rest.iter().position(|byte| *byte == b'\n');
            let part = &rest[..end.unwrap_or(rest.len())];
            if text.len() + part.len() > MAX_LINE {
                too_long = true;
                text = Vec::new();
            }
            if !too_long {
                text.extend_from_slice(part);
            }
            self.at += part.len() + usize::from(end.is_some());
            if end.is_some() {
                return Ok(Some(self.line(text, too_long)));
            }
        }
    }

    fn line(&mut self, mut text: Vec<u8>, too_long: bool) -> Line {
        self.number += 1;
        if text.last() == Some(&b'\r') {
            text.pop();
        }
        if self.number == 1 && text.starts_with(b"\xef\xbb\xbf") {
            text.drain(..3);
        }
        Line {
            number: self.number,
            text: if too_long {
                Err(Reason::TooLong)
            } else {
                Ok(text)
            },
        }
    }

    /// Reads on; `false` at the end of the input.
    async fn fill(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        self.chunk.resize(CHUNK, 0);
        self.at = 0;
        let read = self.input.read(&mut self.chunk).await?;
        self.chunk.truncate(read);
        self.ended = read == 0;
        Ok(!self.ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(input: &[u8]) -> Vec<(u64, Option<String>)> {
        let mut lines = Lines::new(input);
        let mut found = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            found.push((
                line.number,
                line.text.ok().map(|text| String::from_utf8(text).unwrap()),
            ));
        }
        found
    }

    #[tokio::test]
    async fn numbers_count_empty_lines_and_line_breaks_of_windows_are_cut() {
        let found = all(b"\xef\xbb\xbfa\r\n\n  \nb\nc").await;
        let expected = [(1, "a"), (4, "b"), (5, "c")].map(|(n, s)| (n, Some(s.to_owned())));
        assert_eq!(found, expected);
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_skipped_and_the_next_one_is_read() {
        let mut input = vec![b'x'; MAX_LINE + 1];
        input.extend_from_slice(b"\nok\n");
        assert_eq!(all(&input).await, [(1, None), (2, Some("ok".to_owned()))]);
    }

    #[tokio::test]
    async fn a_line_across_chunks_is_whole() {
        let long = "y".repeat(CHUNK * 3 + 7);
        assert_eq!(
            all(format!("{long}\nz").as_bytes()).await[0].1.as_deref(),
            Some(long.as_str())
        );
    }
}
