//! Markdown for `sendRichMessage`: the model's own, within Telegram's limits.
//!
//! An answer that fits is one part. One that does not is cut between blocks of
//! the top level; only a block that exceeds the limits alone is taken apart,
//! and only what cannot be taken apart loses its markup, never its words.

mod block;

use super::dialect;
use super::math;
use super::{RICH_TEXT_MAX, cut, render};
use block::Piece;

/// Most blocks of a rich message, list items and table rows included.
const BLOCKS_MAX: usize = 500;

/// Text without markup is cut at this size: escaped, each character grows to
/// at most five, and the part must still fit.
const FLAT_MAX: usize = 6000;

/// The parts of an answer.
pub(super) fn parts(markdown: &str) -> Vec<String> {
    let pieces = match dialect::tame(markdown) {
        Some(tamed) => block::pieces(&tamed),
        None => flat(markdown),
    };
    let mut parts: Vec<String> = Vec::new();
    let mut text = String::new();
    let (mut units, mut blocks) = (0, 0);
    for piece in pieces {
        let size = cut::units(&piece.text);
        if units + size > RICH_TEXT_MAX || blocks + piece.blocks > BLOCKS_MAX {
            finish(&mut text, &mut parts);
            (units, blocks) = (0, 0);
        }
        text.push_str(&piece.text);
        units += size;
        blocks += piece.blocks;
    }
    finish(&mut text, &mut parts);
    parts
}

fn finish(text: &mut String, parts: &mut Vec<String>) {
    let done = std::mem::take(text);
    // Spaces at the start of the first line may be what makes it code.
    let blank = done.len() - done.trim_start().len();
    let start = done[..blank].rfind('\n').map_or(0, |at| at + 1);
    let done = done[start..].trim_end();
    if cut::is_visible(done) {
        parts.push(done.to_owned());
    }
}

/// The source itself, every mark of it escaped, without asking the parser.
pub(super) fn escaped(markdown: &str) -> Vec<String> {
    cut::plain_parts(markdown, FLAT_MAX)
        .iter()
        .map(|part| unmarked(part).trim_end().to_owned())
        .collect()
}

/// Text shown without markup, line by line: the fate of what is nested too
/// deeply or is too large to be sent as it is.
fn flat(markdown: &str) -> Vec<Piece> {
    let rendered = render::render(markdown);
    cut::plain_parts(rendered.text(), FLAT_MAX)
        .into_iter()
        .map(|part| Piece {
            text: unmarked(&part),
            blocks: 1,
        })
        .collect()
}

/// Text as one paragraph that shows exactly its lines.
fn unmarked(part: &str) -> String {
    let mut text = String::with_capacity(part.len() * 2);
    for line in part.lines().filter(|line| !line.trim().is_empty()) {
        if !text.is_empty() {
            text.push_str("  \n");
        }
        let words = line.trim_start_matches(' ');
        // Indentation shows the nesting; plain spaces would be dropped.
        text.extend(std::iter::repeat_n(
            '\u{a0}',
            (line.len() - words.len()).min(24),
        ));
        dialect::escape(words, &mut text);
    }
    text.push_str("\n\n");
    text
}
