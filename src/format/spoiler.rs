//! `||spoilers||`, which no Markdown parser knows: finds the pairs.
//!
//! A mark opens after white space or punctuation and before something, and
//! closes the other way round, within one block. So "a || b" and `a||b` stay
//! what they are.

use std::ops::Range;

use pulldown_cmark::{Event, Tag, TagEnd};

/// The mark on both sides.
pub(super) const MARK: &str = "||";

/// A mark that opens or closes a spoiler: the number of its event and its byte
/// in that event's text.
pub(super) type Place = (usize, usize);

/// The marks of every pair, in order.
pub(super) fn pairs(events: &[(Event<'_>, Range<usize>)]) -> Vec<Place> {
    let mut places = Vec::new();
    let mut opened: Option<Place> = None;
    let mut in_table = false;
    let mut in_code = false;
    for (number, (event, _)) in events.iter().enumerate() {
        match event {
            Event::Start(Tag::Table(_)) => in_table = true,
            Event::End(TagEnd::Table) => in_table = false,
            Event::Start(Tag::CodeBlock(_)) => in_code = true,
            Event::End(TagEnd::CodeBlock) => in_code = false,
            // A spoiler ends with its block: the next one starts afresh.
            Event::Start(Tag::Paragraph | Tag::Heading { .. } | Tag::Item | Tag::BlockQuote(_))
            | Event::End(TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::Item) => opened = None,
            Event::Text(text) if !in_table && !in_code => {
                for (at, _) in text.match_indices(MARK) {
                    let before = text[..at].chars().next_back();
                    let after = text[at + MARK.len()..].chars().next();
                    match opened {
                        Some(open) if closes(before, after) && (number, at) != open => {
                            places.push(open);
                            places.push((number, at));
                            opened = None;
                        }
                        _ if opens(before, after) => opened = Some((number, at)),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    places
}

/// At the edge of a text event stands other markup, which is as good as a word.
fn opens(before: Option<char>, after: Option<char>) -> bool {
    !before.is_some_and(|c| c.is_alphanumeric() || c == '|')
        && !after.is_some_and(|c| c.is_whitespace() || c == '|')
}

fn closes(before: Option<char>, after: Option<char>) -> bool {
    !before.is_some_and(|c| c.is_whitespace() || c == '|')
        && !after.is_some_and(|c| c.is_alphanumeric() || c == '|')
}
