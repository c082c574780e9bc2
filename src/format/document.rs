//! A rendered answer: one text in runs of equal attributes, and how it is cut
//! into messages.
//!
//! Attributes are a property of each stretch of text, and entities are derived
//! from them at the very end, per message. So entities cannot overlap partly,
//! exceed their text or be lost at a cut, whatever the Markdown looked like.

mod spans;

use super::cut;
use super::entity::Formatted;
use super::{CLASSIC_ENTITIES_MAX, CLASSIC_TEXT_MAX};

/// An inline style that nests freely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Bold,
    Italic,
    Underline,
    Strikethrough,
    Spoiler,
}

/// Every style, in the order in which entities of equal extent nest.
pub(super) const STYLES: [Style; 5] = [
    Style::Bold,
    Style::Italic,
    Style::Underline,
    Style::Strikethrough,
    Style::Spoiler,
];

/// What a stretch of text looks like. Numbers are 1-based places in the
/// document's lists, so that two neighbours of one kind stay two; 0 is "none".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Attrs {
    /// One bit per `Style`.
    pub(super) styles: u8,
    pub(super) link: u32,
    pub(super) mono: u32,
    pub(super) quote: u32,
}

impl Attrs {
    /// Whether a style is on.
    fn has(self, style: Style) -> bool {
        self.styles & (1 << style as u8) != 0
    }
}

/// How good a place is to end a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// Between list items or blocks inside a container.
    Item,
    /// Between blocks of the top level.
    Block,
}

/// The rendered answer.
#[derive(Debug, Default)]
pub(super) struct Document {
    text: String,
    /// Where each run ends, in bytes, and how it looks. Ends grow.
    runs: Vec<(usize, Attrs)>,
    /// `Some(language)` for a block, `None` for inline code.
    monos: Vec<Option<Option<String>>>,
    /// The heads of tables among `monos`, by their number, with the place where
    /// the table begins: a message that goes on with a table begins with them.
    heads: Vec<(u32, usize, String)>,
    links: Vec<String>,
    /// Whether each quotation folds, however short it is.
    quotes: Vec<bool>,
    /// Places where a message may well end, in growing order.
    borders: Vec<(usize, Rank)>,
}

impl Document {
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Appends text, cleaned of what Telegram would change on its way.
    pub(super) fn push(&mut self, text: &str, attrs: Attrs) {
        let before = self.text.len();
        for c in text.chars() {
            match c {
                '\n' => self.text.push('\n'),
                '\u{2028}' | '\u{2029}' => self.text.push('\n'),
                '\t' if attrs.mono != 0 => self.text.push_str("    "),
                // The server drops the bidirectional overrides and turns
                // control characters into spaces.
                '\r' | '\u{202a}'..='\u{202e}' => {}
                c if c.is_control() => self.text.push(' '),
                c => self.text.push(c),
            }
        }
        let end = self.text.len();
        if end == before {
            return;
        }
        match self.runs.last_mut() {
            Some((last, same)) if *same == attrs => *last = end,
            _ => self.runs.push((end, attrs)),
        }
    }

    pub(super) fn add_link(&mut self, url: String) -> u32 {
        self.links.push(url);
        count(self.links.len())
    }

    pub(super) fn add_code(&mut self) -> u32 {
        self.monos.push(None);
        count(self.monos.len())
    }

    pub(super) fn add_pre(&mut self, language: Option<String>) -> u32 {
        self.monos.push(Some(language));
        count(self.monos.len())
    }

    /// The lines that the block of this number repeats in each message.
    pub(super) fn add_head(&mut self, mono: u32, head: String) {
        self.heads.push((mono, self.text.len(), head));
    }

    pub(super) fn add_quote(&mut self, folds: bool) -> u32 {
        self.quotes.push(folds);
        count(self.quotes.len())
    }

    /// The attributes of the text so far at its end.
    pub(super) fn last_attrs(&self) -> Attrs {
        self.runs.last().map_or_else(Attrs::default, |run| run.1)
    }

    /// Notes that a message may end here.
    pub(super) fn mark_border(&mut self, rank: Rank) {
        self.borders.push((self.text.len(), rank));
    }

    /// The answer in messages of at most `max` UTF-16 units each, within
    /// Telegram's other limits.
    pub(super) fn parts(&self, max: usize) -> Vec<Formatted> {
        let mut parts = Vec::new();
        let mut from = 0;
        while let Some(start) = self.visible_from(from) {
            let head = self.head_at(start, max);
            let mut limit = cut::reach(&self.text, start, max - cut::units(&head));
            loop {
                let end = self.border(start, limit);
                let shown = start + self.text[start..end].trim_end().len();
                match self.entities(start, shown, CLASSIC_ENTITIES_MAX) {
                    Err(earlier) if earlier > start && earlier < limit => limit = earlier,
                    found => {
                        let text = &self.text[start..shown];
                        if cut::is_visible(text) {
                            let part = Formatted {
                                text: text.to_owned(),
                                entities: found.unwrap_or_default(),
                            };
                            parts.push(below(&head, part));
                        }
                        from = end;
                        break;
                    }
                }
            }
        }
        parts
    }

    /// The lines that a message which begins here repeats.
    fn head_at(&self, start: usize, max: usize) -> String {
        let run = self.runs.partition_point(|(end, _)| *end <= start);
        let mono = self.runs.get(run).map_or(0, |run| run.1.mono);
        let head = self
            .heads
            .iter()
            .find(|(number, from, _)| *number == mono && *from < start);
        match head {
            Some((_, _, head)) if cut::units(head) < max / 4 => format!("{head}\n"),
            _ => String::new(),
        }
    }

    /// The newest part of the answer that fits one message; `mark` and a line
    /// break stand before it when something is left out.
    pub(super) fn tail(&self, mark: &str) -> Option<Formatted> {
        let end = self.text.trim_end().len();
        let first = self.visible_from(0)?;
        if cut::units(&self.text[first..end]) <= CLASSIC_TEXT_MAX {
            let mut entities = self.entities(first, end, usize::MAX).unwrap_or_default();
            entities.truncate(CLASSIC_ENTITIES_MAX);
            let text = self.text[first..end].to_owned();
            return cut::is_visible(&text).then_some(Formatted { text, entities });
        }
        let head = format!("{mark}\n");
        let room = CLASSIC_TEXT_MAX - cut::units(&head);
        let start = self.tail_start(end, room);
        let shown = &self.text[start..end];
        let shift = u32::try_from(cut::units(&head)).unwrap_or(0);
        let mut entities = self.entities(start, end, usize::MAX).unwrap_or_default();
        // The latest text matters: with too many entities the earliest go.
        let spare = entities.len().saturating_sub(CLASSIC_ENTITIES_MAX);
        entities.drain(..spare);
        for entity in &mut entities {
            entity.offset += shift;
        }
        let text = format!("{head}{shown}");
        cut::is_visible(shown).then_some(Formatted { text, entities })
    }

    /// Where the last `room` units before `end` begin, preferably on a line.
    fn tail_start(&self, end: usize, room: usize) -> usize {
        let mut left = room;
        let mut start = end;
        for (at, c) in self.text[..end].char_indices().rev() {
            if c.len_utf16() > left {
                break;
            }
            left -= c.len_utf16();
            start = at;
        }
        let window = &self.text[start..end];
        let half = window.len() / 2;
        let line = window.find('\n').map(|at| at + 1);
        let word = || window.find(char::is_whitespace);
        let skip = line
            .filter(|at| *at <= half)
            .or_else(|| word().filter(|at| *at <= half))
            .unwrap_or(0);
        self.visible_from(start + skip)
            .map_or(start, |at| at.min(end))
    }

    /// Where the text from `from` on begins to show: white space is skipped,
    /// but not the indentation of a line of code, which Telegram keeps.
    fn visible_from(&self, from: usize) -> Option<usize> {
        let rest = &self.text[from..];
        let first = from + (rest.len() - rest.trim_start().len());
        if first >= self.text.len() {
            return None;
        }
        let run = self.runs.partition_point(|(end, _)| *end <= first);
        let attrs = self.runs.get(run).map(|run| run.1).unwrap_or_default();
        if !self.is_pre(attrs.mono) {
            return Some(first);
        }
        let run_start = match run.checked_sub(1) {
            Some(before) => self.runs[before].0,
            None => 0,
        };
        let line = self.text[from..first]
            .rfind('\n')
            .map_or(from, |at| from + at + 1);
        Some(line.max(run_start))
    }

    fn is_pre(&self, mono: u32) -> bool {
        place(mono).is_some_and(|at| matches!(self.monos.get(at), Some(Some(_))))
    }

    /// The best place in `(start, limit]` to end a message.
    fn border(&self, start: usize, limit: usize) -> usize {
        if limit >= self.text.len() {
            return self.text.len();
        }
        let enough = start + (limit - start) / 3;
        let known = self.borders.partition_point(|(at, _)| *at <= limit);
        let mut best: Option<(usize, Rank)> = None;
        for (at, rank) in self.borders[..known].iter().rev() {
            if *at <= enough {
                break;
            }
            if best.is_none_or(|(_, kept)| *rank > kept) {
                best = Some((*at, *rank));
            }
            if *rank == Rank::Block {
                break;
            }
        }
        best.map_or_else(|| cut::border(&self.text, start, limit), |(at, _)| at)
    }
}

/// A part whose first block begins with these lines.
fn below(head: &str, mut part: Formatted) -> Formatted {
    let shift = u32::try_from(cut::units(head)).unwrap_or(0);
    if shift > 0 {
        part.text.insert_str(0, head);
        for entity in &mut part.entities {
            if entity.offset == 0 {
                entity.length += shift;
            } else {
                entity.offset += shift;
            }
        }
    }
    part
}

/// The place in a list of a 1-based number.
fn place(number: u32) -> Option<usize> {
    usize::try_from(number).ok()?.checked_sub(1)
}

/// A list's length as a 1-based number of its last element.
fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
