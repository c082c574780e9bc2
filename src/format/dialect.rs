//! What a model writes and Telegram's rich Markdown would read differently.
//!
//! Rich Markdown is GitHub's "where possible and can contain arbitrary HTML":
//! thinking blocks, buttons, maps and media, some of which only drafts may
//! hold, and all of which an answer that quotes a stranger's page could bring
//! in. So every `<` outside code becomes `&lt;` (Telegram ignores `\<`), but
//! for a few harmless pairs of inline tags; images, which Telegram would fetch,
//! become links.
//!
//! Works by edits to the source, never by writing the Markdown anew: what needs
//! no edit stays as the model wrote it.

mod addresses;

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, LinkType, Parser, Tag, TagEnd};

use self::addresses::Addresses;
use super::math;

/// Inline tags that Telegram shows and that do no harm, in pairs.
const TAGS: [&str; 11] = [
    "u", "ins", "sub", "sup", "b", "strong", "i", "em", "s", "del", "mark",
];

/// How often edits are looked over again: escaping HTML can bring Markdown to
/// light that was hidden in it.
const ROUNDS: usize = 4;

/// An edit: this range of the source is replaced.
type Edit = (Range<usize>, String);

/// Rewrites an answer so that Telegram reads it as the model meant it. `None`
/// when that cannot be ensured and the text should be sent without markup.
pub(super) fn tame(markdown: &str) -> Option<String> {
    let cleaned = markdown
        .replace("\r\n", "\n")
        .replace(['\r', '\u{b}', '\u{c}'], "\n");
    let mut text = math::normalise(&cleaned).replace('\0', "\u{fffd}");
    for _ in 0..ROUNDS {
        let edits = edits(&text);
        if edits.is_empty() {
            return Some(text);
        }
        text = apply(&text, edits);
    }
    None
}

/// Text as Markdown that shows exactly this text.
pub(super) fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            c if c.is_ascii_punctuation() => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
}

fn apply(text: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let mut out = String::with_capacity(text.len() + 64);
    let mut at = 0;
    for (range, new) in edits {
        if range.start >= at {
            out.push_str(&text[at..range.start]);
            out.push_str(&new);
            at = range.end;
        }
    }
    out.push_str(&text[at..]);
    out
}

/// How a `<` in a stretch of the source is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Zone {
    /// Left alone: a fence at the left margin, about which all parsers agree,
    /// or a tag that may stay.
    Free,
    /// Code by our parser's lights; should Telegram's differ, no tag of its
    /// own may come to life.
    Code,
    /// A formula: a space after `<` changes nothing in it.
    Formula,
}

fn edits(text: &str) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut zones: Vec<(Range<usize>, Zone)> = Vec::new();
    let mut tags = Tags::default();
    let mut in_table = false;
    let mut links = 0_usize;
    let mut addresses = Addresses::default();
    let events: Vec<_> = Parser::new_ext(text, math::options())
        .into_offset_iter()
        .collect();
    for (number, (event, range)) in events.iter().enumerate() {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                let margin = text[..range.start].is_empty() || text[..range.start].ends_with('\n');
                let fenced = matches!(kind, CodeBlockKind::Fenced(_));
                let at_margin = margin && text[range.start..].starts_with(['`', '~']);
                let zone = if fenced && at_margin {
                    Zone::Free
                } else {
                    Zone::Code
                };
                zones.push((range.clone(), zone));
            }
            Event::Code(_) => zones.push((range.clone(), Zone::Code)),
            Event::InlineMath(_) | Event::DisplayMath(_) => {
                zones.push((range.clone(), Zone::Formula));
            }
            Event::Start(Tag::Link {
                link_type: LinkType::Autolink | LinkType::Email,
                dest_url,
                ..
            }) => {
                // Telegram finds bare addresses by itself.
                zones.push((range.clone(), Zone::Free));
                edits.push((
                    range.clone(),
                    dest_url.trim_start_matches("mailto:").to_owned(),
                ));
            }
            Event::Start(Tag::Link { .. }) => links += 1,
            Event::End(TagEnd::Link) => links = links.saturating_sub(1),
            Event::Start(Tag::Image { dest_url, .. }) => {
                let empty = matches!(events.get(number + 1), Some((Event::End(TagEnd::Image), _)));
                if empty {
                    edits.push((range.clone(), bare_address(dest_url)));
                } else if text[range.clone()].starts_with("![") {
                    let mark = if links > 0 { 2 } else { 1 };
                    edits.push((range.start..range.start + mark, String::new()));
                }
            }
            Event::Start(Tag::Table(_)) => in_table = true,
            Event::End(TagEnd::Table) => in_table = false,
            Event::SoftBreak if !in_table => {
                // A person who reads a chat sees lines where the model wrote lines.
                edits.push((range.start..range.start, "  ".to_owned()));
            }
            Event::InlineHtml(html) => tags.see(html, range, &mut zones),
            _ => {}
        }
        tags.follow(event);
        addresses.see(text, event, range, &mut edits);
    }
    zones.sort_by_key(|(range, _)| range.start);
    angles(text, &zones, &mut edits);
    edits
}

/// An address that stands for itself; Telegram finds it.
fn bare_address(url: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-.:/?#@!&=+,;%".contains(c);
    if url.chars().all(plain) {
        return url.to_owned();
    }
    let mut shown = String::new();
    escape(url, &mut shown);
    shown
}

/// Adds the edits for every `<`, zone by zone.
fn angles(text: &str, zones: &[(Range<usize>, Zone)], edits: &mut Vec<Edit>) {
    let mut zone = 0;
    for (at, _) in text.match_indices('<') {
        while zones.get(zone).is_some_and(|(range, _)| range.end <= at) {
            zone += 1;
        }
        let kind = zones
            .get(zone)
            .filter(|(range, _)| range.start <= at)
            .map(|(_, kind)| *kind);
        let rest = &text[at + 1..];
        match kind {
            Some(Zone::Free) => {}
            Some(Zone::Code) => {
                let name = rest.strip_prefix('/').unwrap_or(rest);
                if name.get(..3).is_some_and(|n| n.eq_ignore_ascii_case("tg-")) {
                    // A word joiner: nothing to see, and no tag.
                    edits.push((at + 1..at + 1, "\u{2060}".to_owned()));
                }
            }
            Some(Zone::Formula) => {
                if rest.starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c)) {
                    edits.push((at + 1..at + 1, " ".to_owned()));
                }
            }
            None => {
                let escaped = text[..at].len() - text[..at].trim_end_matches('\\').len();
                let start = at - escaped % 2;
                edits.push((start..at + 1, "&lt;".to_owned()));
            }
        }
    }
}

/// Finds the pairs of tags that may stay: opened and closed in one block, at
/// one depth of other markup.
#[derive(Debug, Default)]
struct Tags {
    open: Vec<(String, usize, Range<usize>)>,
    depth: usize,
}

impl Tags {
    fn follow(&mut self, event: &Event<'_>) {
        match event {
            Event::Start(Tag::Emphasis | Tag::Strong | Tag::Strikethrough | Tag::Link { .. }) => {
                self.depth += 1;
            }
            Event::End(
                TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link,
            ) => {
                self.depth = self.depth.saturating_sub(1);
                let depth = self.depth;
                self.open.retain(|(_, at, _)| *at <= depth);
            }
            Event::Start(_) | Event::End(_) => self.open.clear(),
            _ => {}
        }
    }

    fn see(&mut self, html: &str, range: &Range<usize>, zones: &mut Vec<(Range<usize>, Zone)>) {
        let Some(inner) = html.strip_prefix('<').and_then(|h| h.strip_suffix('>')) else {
            return;
        };
        let name = inner.to_ascii_lowercase();
        if matches!(name.as_str(), "br" | "br/" | "br /") {
            zones.push((range.clone(), Zone::Free));
        } else if let Some(closed) = name.strip_prefix('/') {
            if let Some((opened, depth, start)) = self.open.pop()
                && opened == closed
                && depth == self.depth
            {
                zones.push((start, Zone::Free));
                zones.push((range.clone(), Zone::Free));
            }
        } else if TAGS.contains(&name.as_str()) && self.open.len() < 4 {
            self.open.push((name, self.depth, range.clone()));
        }
    }
}
