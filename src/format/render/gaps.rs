//! What the parser swallows: source text between blocks that no event shows.
//!
//! A definition of a link that nobody uses, the second definition of a name,
//! the cells beyond a table's head. Watches the ranges of sibling blocks and
//! hands out every line between them that holds a letter or a digit.

use std::collections::HashMap;
use std::ops::Range;

use pulldown_cmark::{DefaultBrokenLinkCallback, Event, LinkType, OffsetIter, Tag, TagEnd};

/// How far the source has been shown, per open container.
#[derive(Debug)]
pub(super) struct Gaps<'a> {
    source: &'a str,
    /// Where each definition stands, by the name as written at its use.
    definitions: HashMap<String, Range<usize>>,
    /// The definitions that some link uses, in order; their text is its address.
    used: Vec<Range<usize>>,
    /// Up to where each open container has been shown; `None` for one whose
    /// inside is not watched (a paragraph's marks are not text).
    shown: Vec<Option<usize>>,
}

impl<'a> Gaps<'a> {
    pub(super) fn new(source: &'a str, parser: &OffsetIter<'a, DefaultBrokenLinkCallback>) -> Self {
        Self {
            source,
            definitions: parser
                .reference_definitions()
                .iter()
                .map(|(name, definition)| (fold(name), definition.span.clone()))
                .collect(),
            used: Vec::new(),
            shown: vec![Some(0)],
        }
    }

    /// Notes which definitions the answer's links use.
    pub(super) fn note_uses(mut self, events: &[(Event<'_>, Range<usize>)]) -> Self {
        if self.definitions.is_empty() {
            return self;
        }
        for (event, _) in events {
            if let Event::Start(Tag::Link { link_type, id, .. } | Tag::Image { link_type, id, .. }) =
                event
                && matches!(
                    link_type,
                    LinkType::Reference | LinkType::Collapsed | LinkType::Shortcut
                )
                && let Some(span) = self.definitions.get(&fold(id))
            {
                self.used.push(span.clone());
            }
        }
        self.used.sort_by_key(|span| span.start);
        self.used.dedup();
        self
    }

    /// The lines lost before this event, if any.
    pub(super) fn before(
        &mut self,
        event: &Event<'_>,
        range: &Range<usize>,
    ) -> Option<Vec<String>> {
        match event {
            Event::Start(tag) => {
                let lost = self.advance(range.start, range.end);
                let inside = self.inside(tag, range);
                self.shown.push(inside);
                lost
            }
            Event::End(tag) => {
                let lost = match tag {
                    // The end of a row is the end of its line: what is left of
                    // it are cells too many.
                    TagEnd::TableRow | TagEnd::BlockQuote(_) | TagEnd::Item => {
                        self.advance(range.end, range.end)
                    }
                    _ => None,
                };
                self.shown.pop();
                lost
            }
            _ => self.advance(range.start, range.end),
        }
    }

    /// Whether a blank line stands before this place of the source.
    pub(super) fn blank_line_before(&self, at: usize) -> bool {
        let before = self.source.get(..at).unwrap_or_default();
        let blank = before.trim_end_matches(|c: char| c.is_whitespace() || c == '>');
        before[blank.len()..].matches('\n').count() > 1
    }

    /// The lines lost after the last event.
    pub(super) fn rest(&mut self) -> Vec<String> {
        self.advance(self.source.len(), self.source.len())
            .unwrap_or_default()
    }

    /// Moves on to the element at `from..to` and gives what was passed over.
    fn advance(&mut self, from: usize, to: usize) -> Option<Vec<String>> {
        let source = self.source;
        let at = self.shown.last_mut()?.as_mut()?;
        let passed = *at..from;
        *at = (*at).max(to);
        let text = source.get(passed.clone()).filter(|text| !text.is_empty())?;
        if !text.contains(char::is_alphanumeric) {
            return None;
        }
        let mut line_start = passed.start;
        let mut lost = Vec::new();
        for line in text.split_inclusive('\n') {
            let shown = line.trim_matches(|c: char| c.is_whitespace() || c == '>');
            if shown.contains(char::is_alphanumeric) && !self.is_used(line_start, line) {
                lost.push(shown.to_owned());
            }
            line_start += line.len();
        }
        (!lost.is_empty()).then_some(lost)
    }

    /// Whether a line belongs to a definition that is used.
    fn is_used(&self, start: usize, line: &str) -> bool {
        let end = start + line.len();
        let next = self.used.partition_point(|span| span.end <= start);
        self.used.get(next).is_some_and(|span| span.start < end)
    }

    /// From where on the inside of a container is watched.
    fn inside(&self, tag: &Tag<'_>, range: &Range<usize>) -> Option<usize> {
        let text = self.source.get(range.clone())?;
        let skipped = match tag {
            Tag::BlockQuote(_) | Tag::List(_) | Tag::TableRow => 0,
            Tag::Item => item_marker(text),
            Tag::FootnoteDefinition(_) => text.find("]:").map_or(text.len(), |at| at + 2),
            _ => return None,
        };
        Some(range.start + skipped)
    }
}

/// The length of a list item's marker, with its box if it is a task.
fn item_marker(text: &str) -> usize {
    let rest = text.trim_start();
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let marker = text.len() - rest.len() + digits + usize::from(digits < rest.len());
    // The box of a task is shown by its own event.
    let after = text[marker..].trim_start_matches(' ');
    let is_box = ["[x]", "[X]", "[ ]"].iter().any(|b| after.starts_with(b));
    marker
        + if is_box {
            text[marker..].len() - after.len() + 3
        } else {
            0
        }
}

/// Names of definitions ignore case and the width of white space.
fn fold(name: &str) -> String {
    name.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .to_lowercase()
}
