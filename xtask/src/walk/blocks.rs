//! The blocks of the README that are walked.

use anyhow::bail;

/// Stands on the line before a block that is walked.
pub(super) const MARK: &str = "<!-- walk -->";

/// One fenced block of shell commands.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Block {
    /// The line, from 1, that its commands start on.
    pub(super) line: usize,
    pub(super) script: String,
}

/// The marked blocks in their order.
///
/// # Errors
/// When a mark has no block of `sh` behind it, or a block no end: then less would be walked than is marked.
pub(super) fn marked(text: &str) -> anyhow::Result<Vec<Block>> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        if line.trim() != MARK {
            continue;
        }
        if lines
            .next()
            .is_none_or(|(_, fence)| fence.trim() != "```sh")
        {
            bail!("line {}: no block of sh follows the mark", index + 1);
        }
        let mut script = String::new();
        loop {
            match lines.next() {
                Some((_, "```")) => break,
                Some((_, line)) => script.extend([line, "\n"]),
                None => bail!("line {}: the block has no end", index + 1),
            }
        }
        blocks.push(Block {
            line: index + 3,
            script,
        });
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_blocks_are_found_and_others_left() {
        let text = "# A\n```sh\nno\n```\n<!-- walk -->\n```sh\na \\\n  b\n```\n";
        let script = "a \\\n  b\n".to_owned();
        assert_eq!(marked(text).unwrap(), [Block { line: 7, script }]);
    }

    #[test]
    fn a_mark_without_its_block_is_an_error() {
        assert!(marked("<!-- walk -->\n\n```sh\na\n```").is_err());
        assert!(marked("<!-- walk -->\n```json\n{}\n```").is_err());
        assert!(marked("<!-- walk -->\n```sh\na").is_err());
        assert!(marked("<!-- walk -->").is_err());
    }
}
