//! `||spoilers||` and `==marked words==`, which no Markdown parser knows:
//! finds the pairs.
//!
//! A mark opens after white space or punctuation and before something, and
//! closes the other way round, within one block. So "a || b" and `a||b` stay
//! what they are.

use std::ops::Range;

use pulldown_cmark::{Event, Tag, TagEnd};

/// What a pair of marks does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Spoiler,
    Highlight,
}

/// The marks and their length in bytes, which is the same for all.
const MARKS: [(&str, Mark); 2] = [("||", Mark::Spoiler), ("==", Mark::Highlight)];
pub(crate) const LEN: usize = 2;

/// A mark that opens or closes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// The number of its event.
    pub(crate) event: usize,
    /// Its byte in that event's text.
    pub(crate) at: usize,
    pub(crate) mark: Mark,
    pub(crate) opens: bool,
}

/// The marks of every pair, in order.
pub(crate) fn pairs(events: &[(Event<'_>, Range<usize>)]) -> Vec<Place> {
    let mut places: Vec<Place> = MARKS
        .iter()
        .flat_map(|(text, mark)| of(events, text, *mark))
        .collect();
    places.sort_by_key(|place| (place.event, place.at));
    places
}

fn of(events: &[(Event<'_>, Range<usize>)], text: &str, mark: Mark) -> Vec<Place> {
    let first = text.chars().next().unwrap_or(' ');
    let mut places = Vec::new();
    let mut opened: Option<(usize, usize)> = None;
    let mut in_table = false;
    let mut in_code = false;
    for (number, (event, _)) in events.iter().enumerate() {
        match event {
            Event::Start(Tag::Table(_)) => in_table = mark == Mark::Spoiler,
            Event::End(TagEnd::Table) => in_table = false,
            Event::Start(Tag::CodeBlock(_)) => in_code = true,
            Event::End(TagEnd::CodeBlock) => in_code = false,
            // A pair ends with its block: the next one starts afresh.
            Event::Start(
                Tag::Paragraph
                | Tag::Heading { .. }
                | Tag::Item
                | Tag::BlockQuote(_)
                | Tag::TableCell,
            )
            | Event::End(
                TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::Item | TagEnd::TableCell,
            ) => opened = None,
            Event::Text(shown) if !in_table && !in_code => {
                for (at, _) in shown.match_indices(text) {
                    let before = shown[..at].chars().next_back();
                    let after = shown[at + LEN..].chars().next();
                    match opened {
                        Some(open) if closes(before, after, first) && (number, at) != open => {
                            let place = |(event, at), opens| Place {
                                event,
                                at,
                                mark,
                                opens,
                            };
                            places.push(place(open, true));
                            places.push(place((number, at), false));
                            opened = None;
                        }
                        _ if opens(before, after, first) => opened = Some((number, at)),
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
fn opens(before: Option<char>, after: Option<char>, mark: char) -> bool {
    !before.is_some_and(|c| c.is_alphanumeric() || c == mark)
        && !after.is_some_and(|c| c.is_whitespace() || c == mark)
}

fn closes(before: Option<char>, after: Option<char>, mark: char) -> bool {
    !before.is_some_and(|c| c.is_whitespace() || c == mark)
        && !after.is_some_and(|c| c.is_alphanumeric() || c == mark)
}
