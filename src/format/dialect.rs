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
use super::details::{self, Fold};
use super::tags::{self, Effect, Role};
use super::tildes::Escapes;
use super::{alerts, flank, math};

/// The entities that Telegram knows by name; of others it shows the name.
const ENTITIES: [&str; 13] = [
    "&lt;", "&gt;", "&amp;", "&quot;", "&apos;", "&nbsp;", "&hellip;", "&mdash;", "&ndash;",
    "&lsquo;", "&rsquo;", "&ldquo;", "&rdquo;",
];

/// Folds within folds deeper than this are shown open.
const FOLDS_MAX: usize = 2;

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
    let widened = flank::widen(&cleaned);
    let spelt = alerts::spell(&widened);
    let folded = details::normalise(&spelt);
    let mut text = math::normalise(&folded).replace('\0', "\u{fffd}");
    for _ in 0..ROUNDS {
        let edits = edits(&text);
        if edits.is_empty() {
            return Some(text);
        }
        text = apply(&text, edits);
    }
    None
}

/// Whether nothing in a text needs taming.
pub(super) fn is_tame(text: &str) -> bool {
    edits(text).is_empty()
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
    let mut folds = Folds::default();
    let mut in_table = false;
    let mut links = 0_usize;
    let mut addresses = Addresses::default();
    let mut tildes = Escapes::default();
    let events: Vec<_> = Parser::new_ext(text, math::options())
        .into_offset_iter()
        .collect();
    let mut roles = tags::roles(&events).into_iter().peekable();
    for (number, (event, range)) in events.iter().enumerate() {
        if let Some((_, role)) = roles.next_if(|(at, _)| *at == number) {
            obey(text, &role, range, &mut zones, &mut edits);
        }
        folds.see(text, event, range, &mut zones, &mut edits);
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
            Event::Text(shown) => {
                let source = &text[range.clone()];
                let named = source.starts_with('&') && source.ends_with(';') && **shown != *source;
                if named && !source.starts_with("&#") && !ENTITIES.contains(&source) {
                    let mut plain = String::new();
                    escape(shown, &mut plain);
                    edits.push((range.clone(), plain));
                }
            }
            _ => {}
        }
        addresses.see(text, event, range, &mut edits);
        let escaped = tildes.of(text, event, range).into_iter();
        edits.extend(escaped.map(|at| (at..at, "\\".to_owned())));
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

/// Writes a tag that is obeyed as Telegram knows it.
fn obey(
    text: &str,
    role: &Role,
    range: &Range<usize>,
    zones: &mut Vec<(Range<usize>, Zone)>,
    edits: &mut Vec<Edit>,
) {
    let name = |effect: &Effect| match effect {
        Effect::Bold => "b",
        Effect::Italic => "i",
        Effect::Underline => "u",
        Effect::Strikethrough => "s",
        Effect::Mark => "mark",
        Effect::Spoiler => "tg-spoiler",
        Effect::Lowered => "sub",
        Effect::Raised => "sup",
        Effect::Code => "code",
        Effect::Link(_) | Effect::Nothing => "",
    };
    let wanted = match role {
        Role::Break => "<br>".to_owned(),
        Role::Opens(Effect::Link(url)) if addresses::opens(url) => "[".to_owned(),
        Role::Closes(Effect::Link(url)) if addresses::opens(url) => {
            format!("]({})", addresses::encoded(url))
        }
        Role::Closes(Effect::Link(url)) => {
            let mut shown = String::new();
            escape(url, &mut shown);
            format!(" ({shown})")
        }
        Role::Opens(effect) | Role::Closes(effect) if name(effect).is_empty() => String::new(),
        Role::Opens(effect) => format!("<{}>", name(effect)),
        Role::Closes(effect) => format!("</{}>", name(effect)),
    };
    zones.push((range.clone(), Zone::Free));
    if text[range.clone()] != wanted {
        edits.push((range.clone(), wanted));
    }
}

/// The folds of the top level, which Telegram knows; others are shown open.
#[derive(Debug, Default)]
struct Folds {
    /// How deep the current event stands in other blocks.
    depth: usize,
    open: usize,
}

impl Folds {
    fn see(
        &mut self,
        text: &str,
        event: &Event<'_>,
        range: &Range<usize>,
        zones: &mut Vec<(Range<usize>, Zone)>,
        edits: &mut Vec<Edit>,
    ) {
        match event {
            Event::Start(_) => self.depth += 1,
            Event::End(_) => self.depth = self.depth.saturating_sub(1),
            Event::Html(_) => {
                let source = &text[range.clone()];
                let begin = range.start + source.len() - source.trim_start().len();
                let end = range.start + source.trim_end().len();
                match details::read(source) {
                    Some(Fold::Opens(_)) if self.depth == 1 && self.open < FOLDS_MAX => {
                        self.open += 1;
                        zones.push((begin..begin + details::AROUND.0, Zone::Free));
                        zones.push((end - details::AROUND.1..end, Zone::Free));
                    }
                    Some(Fold::Closes) if self.depth == 1 && self.open > 0 => {
                        self.open -= 1;
                        zones.push((begin..end, Zone::Free));
                    }
                    Some(Fold::Opens(title)) => {
                        let title = title.replace('*', "");
                        edits.push((begin..end, format!("**{title}**")));
                        zones.push((begin..end, Zone::Free));
                    }
                    Some(Fold::Closes) => {
                        edits.push((begin..end, String::new()));
                        zones.push((begin..end, Zone::Free));
                    }
                    None => {}
                }
            }
            _ => {}
        }
    }
}
