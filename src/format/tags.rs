//! The HTML that models write between their Markdown.
//!
//! A pair of known tags within one block is obeyed: `<b>`, `<sub>`, `<kbd>`,
//! `<a href>`. Anything else is text, for `Vec<T>` must not lose its `<T>`, and
//! a tag of Telegram's own in a quoted page must not come to life.

use std::ops::Range;

use pulldown_cmark::{Event, Tag, TagEnd};

/// What a pair of tags does to the text between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    Bold,
    Italic,
    Underline,
    Strikethrough,
    Mark,
    Spoiler,
    Lowered,
    Raised,
    /// Keys and samples: monospace.
    Code,
    Link(String),
    /// Looks that Telegram does not have: the tags vanish.
    Nothing,
}

/// What a tag in a line is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Role {
    Opens(Effect),
    Closes(Effect),
    Break,
}

/// Pairs within pairs deeper than this are text.
const DEPTH_MAX: usize = 4;

/// The tags that are obeyed: the number of their event, in order, and their role.
pub(super) fn roles(events: &[(Event<'_>, Range<usize>)]) -> Vec<(usize, Role)> {
    let mut found = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut depth = 0_usize;
    for (number, (event, _)) in events.iter().enumerate() {
        match event {
            Event::Start(
                Tag::Emphasis
                | Tag::Strong
                | Tag::Strikethrough
                | Tag::Link { .. }
                | Tag::Image { .. },
            ) => depth += 1,
            Event::End(
                TagEnd::Emphasis
                | TagEnd::Strong
                | TagEnd::Strikethrough
                | TagEnd::Link
                | TagEnd::Image,
            ) => {
                depth = depth.saturating_sub(1);
                open.retain(|tag| tag.depth <= depth);
            }
            Event::Start(_) | Event::End(_) => {
                open.clear();
                depth = 0;
            }
            Event::InlineHtml(html) => {
                let Some(tag) = Written::read(html) else {
                    continue;
                };
                if tag.name == "br" {
                    found.push((number, Role::Break));
                } else if tag.closes {
                    if let Some(opened) = open.pop()
                        && opened.name == tag.name
                        && opened.depth == depth
                    {
                        found.push((opened.number, Role::Opens(opened.effect.clone())));
                        found.push((number, Role::Closes(opened.effect)));
                    }
                } else if let Some(effect) = tag.effect()
                    && open.len() < DEPTH_MAX
                {
                    open.push(Open {
                        name: tag.name,
                        effect,
                        number,
                        depth,
                    });
                }
            }
            _ => {}
        }
    }
    found.sort_by_key(|(number, _)| *number);
    found
}

struct Open {
    name: String,
    effect: Effect,
    number: usize,
    depth: usize,
}

/// A tag as it is written.
struct Written<'a> {
    name: String,
    attributes: &'a str,
    closes: bool,
}

impl<'a> Written<'a> {
    fn read(html: &'a str) -> Option<Self> {
        let inner = html.strip_prefix('<')?.strip_suffix('>')?;
        let (inner, closes) = match inner.strip_prefix('/') {
            Some(inner) => (inner, true),
            None => (inner.strip_suffix('/').unwrap_or(inner), false),
        };
        let end = inner
            .find(|c: char| c.is_whitespace())
            .unwrap_or(inner.len());
        Some(Self {
            name: inner[..end].to_ascii_lowercase(),
            attributes: inner[end..].trim(),
            closes,
        })
    }

    fn effect(&self) -> Option<Effect> {
        let bare = self.attributes.is_empty();
        Some(match self.name.as_str() {
            "a" => Effect::Link(self.attribute("href")?),
            // With attributes they are looks; without, they may be the topic.
            "span" | "div" | "p" | "font" | "center" | "small" | "big" if !bare => Effect::Nothing,
            "center" | "small" | "big" => Effect::Nothing,
            _ if !bare => return None,
            "b" | "strong" => Effect::Bold,
            "i" | "em" | "cite" => Effect::Italic,
            "u" | "ins" => Effect::Underline,
            "s" | "del" | "strike" => Effect::Strikethrough,
            "mark" => Effect::Mark,
            "sub" => Effect::Lowered,
            "sup" => Effect::Raised,
            "kbd" | "code" | "samp" | "tt" | "var" => Effect::Code,
            "tg-spoiler" => Effect::Spoiler,
            _ => return None,
        })
    }

    fn attribute(&self, name: &str) -> Option<String> {
        let at = self.attributes.to_ascii_lowercase().find(name)?;
        let rest = self.attributes[at + name.len()..].trim_start();
        let value = rest.strip_prefix('=')?.trim_start();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, _) = value[1..].split_once(quote)?;
        Some(value.to_owned())
    }
}
