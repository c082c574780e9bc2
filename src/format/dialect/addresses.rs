//! The addresses of links in a rich message.
//!
//! Telegram opens a few schemes; what it would make of another one is not
//! documented, so such an address is written out instead. A picture inside a
//! link leaves its text.

use std::ops::Range;

use pulldown_cmark::{Event, LinkType, Tag, TagEnd};

use super::{Edit, escape};

/// Rewrites the addresses of links: those that Telegram does not open are
/// shown in words, those in angle brackets lose these.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    /// The open links and images: where they begin, and their address if it is
    /// written in place.
    open: Vec<(bool, usize, Option<String>)>,
    /// Where the element before the current one ended.
    before: usize,
}

impl Addresses {
    pub(super) fn see(
        &mut self,
        text: &str,
        event: &Event<'_>,
        range: &Range<usize>,
        edits: &mut Vec<Edit>,
    ) {
        let before = std::mem::replace(&mut self.before, range.end);
        match event {
            Event::Start(
                tag @ (Tag::Link {
                    link_type,
                    dest_url,
                    ..
                }
                | Tag::Image {
                    link_type,
                    dest_url,
                    ..
                }),
            ) => {
                let is_link = matches!(tag, Tag::Link { .. });
                let address = matches!(link_type, LinkType::Inline).then(|| dest_url.to_string());
                self.open.push((is_link, range.start, address));
                self.before = range.start + 1;
            }
            // The text of an image inside a link is the link's.
            Event::End(TagEnd::Link | TagEnd::Image) => {
                let Some((is_link, start, Some(address))) = self.open.pop() else {
                    return;
                };
                let inside = !is_link && self.open.iter().rev().take(4).any(|outer| outer.0);
                let Some(close) = text.get(before..range.end).filter(|t| t.starts_with("]("))
                else {
                    return;
                };
                let place = before..range.end;
                if inside {
                    edits.push((place, String::new()));
                } else if !opens(&address) {
                    if is_link {
                        edits.push((start..start + 1, String::new()));
                        let mut shown = String::new();
                        escape(&address, &mut shown);
                        edits.push((place, format!(" ({shown})")));
                    }
                } else if close.starts_with("](<") {
                    edits.push((place, format!("]({})", encoded(&address))));
                }
            }
            Event::Start(_) => self.before = before,
            _ => {}
        }
    }
}

/// An address that needs no angle brackets.
pub(super) fn encoded(address: &str) -> String {
    let mut encoded = String::with_capacity(address.len());
    for c in address.chars() {
        match c {
            ' ' => encoded.push_str("%20"),
            '(' => encoded.push_str("%28"),
            ')' => encoded.push_str("%29"),
            '<' => encoded.push_str("%3C"),
            c => encoded.push(c),
        }
    }
    encoded
}

/// Whether Telegram opens such an address from a rich message. An empty one is
/// no link either way.
pub(super) fn opens(address: &str) -> bool {
    let known = ["http://", "https://", "tg://", "mailto:", "tel:", "#"];
    let lower = address.to_ascii_lowercase();
    lower.is_empty() || known.iter().any(|scheme| lower.starts_with(scheme))
}
