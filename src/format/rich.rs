//! Markdown for `sendRichMessage`: the model's own, within Telegram's limits.
//!
//! An answer that fits is one part. One that does not is cut between blocks of
//! the top level; only a block that exceeds the limits alone is taken apart,
//! and only what cannot be taken apart loses its markup, never its words.

mod block;

use super::details::{self, Fold};
use super::dialect;
use super::math;
use super::{RICH_TEXT_MAX, cut, render};
use block::Piece;

/// What a part may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// UTF-16 units of its source.
    pub(super) units: usize,
    /// Blocks, list items and table rows included.
    pub(super) blocks: usize,
}

impl Limits {
    /// Telegram's own.
    pub(super) const TELEGRAM: Self = Self {
        units: RICH_TEXT_MAX,
        blocks: 500,
    };

    /// The largest piece: room is left for the fence or the blank line that is
    /// added.
    fn piece(self) -> usize {
        self.units - (self.units / 8).min(256)
    }

    /// The largest piece of text without markup: escaped, each character grows
    /// to at most five.
    fn flat(self) -> usize {
        (self.units / 6).clamp(1, FLAT_MAX)
    }
}

/// Text without markup is cut at this size: escaped, each character grows to
/// at most five, and the part must still fit.
const FLAT_MAX: usize = 6000;

/// The parts of an answer.
pub(super) fn parts(markdown: &str, limits: Limits) -> Vec<String> {
    let pieces = match dialect::tame(markdown) {
        Some(tamed) => block::pieces(&tamed, limits),
        None => flat(markdown, limits),
    };
    let mut parts: Vec<String> = Vec::new();
    let mut text = String::new();
    // The titles of the folds that are open, which a new part opens again.
    let mut folds: Vec<String> = Vec::new();
    let (mut units, mut blocks) = (0, 0);
    for piece in pieces {
        let size = cut::units(&piece.text);
        let fold = details::read(&piece.text);
        // A fold that nothing stands in is not begun at a part's end.
        let room = limits.units - folds.len() * details::CLOSING.len();
        let ahead = if matches!(fold, Some(Fold::Opens(_))) {
            limits.units / 8
        } else {
            0
        };
        let full = units + size + ahead > room || blocks + piece.blocks > limits.blocks;
        if full && units > 0 && fold != Some(Fold::Closes) {
            finish(&mut text, folds.len(), &mut parts);
            for title in &folds {
                text.push_str(&details::opening(title));
                text.push_str("\n\n");
            }
            (units, blocks) = (cut::units(&text), folds.len());
        }
        text.push_str(&piece.text);
        units += size;
        blocks += piece.blocks;
        match fold {
            Some(Fold::Opens(title)) => folds.push(title.to_owned()),
            Some(Fold::Closes) => drop(folds.pop()),
            None => {}
        }
    }
    finish(&mut text, folds.len(), &mut parts);
    parts
        .into_iter()
        .flat_map(|part| settled(part, limits))
        .collect()
}

/// A part that Telegram reads as it was meant: what stood in a block of the
/// whole answer may have come out of it by the cut.
fn settled(part: String, limits: Limits) -> Vec<String> {
    if dialect::is_tame(&part) {
        return vec![part];
    }
    match dialect::tame(&part) {
        Some(again) if cut::units(&again) <= limits.units && !again.contains("<details") => {
            vec![again]
        }
        _ => flat(&part, limits)
            .into_iter()
            .map(|piece| piece.text.trim_end().to_owned())
            .filter(|text| cut::is_visible(text))
            .collect(),
    }
}

fn finish(text: &mut String, folds: usize, parts: &mut Vec<String>) {
    let mut done = std::mem::take(text);
    for _ in 0..folds {
        done = format!("{}\n\n{}", done.trim_end(), details::CLOSING);
    }
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
fn flat(markdown: &str, limits: Limits) -> Vec<Piece> {
    let rendered = render::render(markdown);
    cut::plain_parts(rendered.text(), limits.flat())
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
