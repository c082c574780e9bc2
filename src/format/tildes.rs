//! Single tildes are text: "3~5일, 10~20개" and "~5 min" are ranges and rough
//! numbers. Markdown would strike what stands between two of them; only double
//! ones do here.

use std::ops::Range;

use pulldown_cmark::{Event, Tag, TagEnd};

/// Whether this stretch of the source is struck by single tildes.
fn is_single(source: &str, range: &Range<usize>) -> bool {
    !source[range.clone()].starts_with("~~")
}

/// The events with every single tilde as text.
pub(super) fn as_text<'a>(
    source: &str,
    events: impl Iterator<Item = (Event<'a>, Range<usize>)>,
) -> Vec<(Event<'a>, Range<usize>)> {
    let plain = |(event, range): (Event<'a>, Range<usize>)| match event {
        Event::Start(Tag::Strikethrough) if is_single(source, &range) => {
            (Event::Text("~".into()), range.start..range.start + 1)
        }
        Event::End(TagEnd::Strikethrough) if is_single(source, &range) => {
            (Event::Text("~".into()), range.end - 1..range.end)
        }
        other => (other, range),
    };
    events.map(plain).collect()
}

/// Where single tildes of the source are to be escaped; code is left alone.
#[derive(Debug, Default)]
pub(super) struct Escapes {
    in_code: bool,
}

impl Escapes {
    /// The tildes of this event, by their bytes.
    pub(super) fn of(
        &mut self,
        source: &str,
        event: &Event<'_>,
        range: &Range<usize>,
    ) -> Vec<usize> {
        match event {
            Event::Start(Tag::CodeBlock(_)) => self.in_code = true,
            Event::End(TagEnd::CodeBlock) => self.in_code = false,
            Event::Start(Tag::Strikethrough) if is_single(source, range) => {
                return vec![range.start, range.end - 1];
            }
            // Another parser may pair what ours does not.
            Event::Text(_) if !self.in_code => {
                return source[range.clone()]
                    .match_indices('~')
                    .map(|(at, _)| range.start + at)
                    .filter(|at| is_bare(source, *at))
                    .collect();
            }
            _ => {}
        }
        Vec::new()
    }
}

/// Whether a tilde stands for itself and is neither escaped nor a part of an
/// address or a path.
fn is_bare(source: &str, at: usize) -> bool {
    let (before, after) = (&source[..at], &source[at + 1..]);
    let escapes = before.len() - before.trim_end_matches('\\').len();
    let word = &before[before.rfind(char::is_whitespace).unwrap_or(0)..];
    escapes % 2 == 0
        && !before.ends_with(['~', '/'])
        && !after.starts_with(['~', '/'])
        && !word.contains("://")
}
