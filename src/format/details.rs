//! `<details>`: text that folds away.
//!
//! Models write the tags on one line, on several, with and without blank
//! lines. Both ways of formatting read one form only, on a paragraph of its
//! own: `<details><summary>Title</summary>` and, later, `</details>`.

use std::borrow::Cow;

use super::math;

const OPEN: &str = "<details><summary>";
const OPEN_END: &str = "</summary>";
const CLOSE: &str = "</details>";

/// Tags for the middle of a page, which a chat does not have.
const LAYOUT: [&str; 4] = [
    "<center>",
    "</center>",
    "<div align=\"center\">",
    "<p align=\"center\">",
];

/// The title of one that has none.
const UNTITLED: &str = "…";

/// The longest title; a longer one is text that lost its end.
const TITLE_MAX: usize = 300;

/// A block of HTML, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fold<'a> {
    /// Begins with this title.
    Opens(&'a str),
    Closes,
}

/// What a block of HTML is, if it is one of ours.
pub(super) fn read(html: &str) -> Option<Fold<'_>> {
    let html = html.trim();
    if html == CLOSE {
        return Some(Fold::Closes);
    }
    let title = html.strip_prefix(OPEN)?.strip_suffix(OPEN_END)?;
    Some(Fold::Opens(title))
}

/// The beginning of a fold with this title, open or folded away.
pub(super) fn opening(title: &str) -> String {
    format!("{OPEN}{title}{OPEN_END}")
}

/// The end of a fold.
pub(super) const CLOSING: &str = CLOSE;

/// Where the title stands in a line that begins a fold: the bytes before it
/// and behind it.
pub(super) const AROUND: (usize, usize) = (OPEN.len(), OPEN_END.len());

/// Brings every fold outside code into the one form.
pub(super) fn normalise(markdown: &str) -> Cow<'_, str> {
    let names = [
        "details",
        "DETAILS",
        "Details",
        "<center>",
        "align=\"center\"",
    ];
    if !names.iter().any(|name| markdown.contains(name)) {
        return Cow::Borrowed(markdown);
    }
    let mut out = String::with_capacity(markdown.len() + 64);
    let mut at = 0;
    for code in math::code_ranges(markdown) {
        if code.start >= at {
            rewrite(&markdown[at..code.start], &mut out);
            out.push_str(&markdown[code.clone()]);
            at = code.end;
        }
    }
    rewrite(&markdown[at..], &mut out);
    Cow::Owned(out)
}

fn rewrite(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let Some((name, after)) = tag(rest) else {
            out.push('<');
            rest = &rest[1..];
            continue;
        };
        let prefix = line_prefix(out);
        match name {
            Name::Opens => {
                let (title, after) = title(after);
                own_line(out, &prefix, &opening(&title));
                rest = after;
            }
            Name::Closes => {
                own_line(out, &prefix, CLOSE);
                rest = after;
            }
            Name::Layout => {
                rest = after;
                continue;
            }
        }
        // What stood behind the tag on its line begins a paragraph.
        let more = rest.trim_start_matches([' ', '\t']);
        out.push('\n');
        out.push_str(prefix.trim_end());
        out.push('\n');
        if let Some(after) = more.strip_prefix('\n') {
            rest = after;
        } else {
            out.push_str(&prefix);
            rest = more;
        }
    }
    out.push_str(rest);
}

enum Name {
    Opens,
    Closes,
    Layout,
}

/// The tag of a fold at the start of a text, and what follows it.
fn tag(text: &str) -> Option<(Name, &str)> {
    for layout in LAYOUT {
        if let Some(after) = text.strip_prefix(layout) {
            return Some((Name::Layout, after));
        }
    }
    let head = text.get(..9)?.to_ascii_lowercase();
    if head.starts_with("</details") {
        let after = text[9..].trim_start().strip_prefix('>')?;
        return Some((Name::Closes, after));
    }
    if !head.starts_with("<details") {
        return None;
    }
    let window = &text[8..super::cut::reach(text, 8, 80)];
    let attributes = &window[..window.find('>')?];
    let after = &text[8 + attributes.len() + 1..];
    let known = attributes.is_empty() || attributes.starts_with(' ');
    (known && !attributes.contains('<')).then_some((Name::Opens, after))
}

/// The title behind the tag, and what follows it.
fn title(text: &str) -> (String, &str) {
    let inner = text.trim_start();
    let is_title = inner
        .get(..9)
        .is_some_and(|tag| tag.eq_ignore_ascii_case("<summary>"));
    if !is_title {
        return (UNTITLED.to_owned(), text);
    }
    let inner = &inner[9..];
    let window = &inner[..super::cut::reach(inner, 0, TITLE_MAX)];
    let lower = window.to_ascii_lowercase();
    let (title, after) = match lower.find("</summary>") {
        Some(at) => (&inner[..at], &inner[at + 10..]),
        None => inner.split_at(window.find('\n').unwrap_or(window.len())),
    };
    let mut plain = title.to_owned();
    for tag in [
        "<b>",
        "</b>",
        "<strong>",
        "</strong>",
        "<i>",
        "</i>",
        "<em>",
        "</em>",
    ] {
        plain = plain.replace(tag, "");
    }
    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    let title = if plain.is_empty() {
        UNTITLED.to_owned()
    } else {
        plain
    };
    (title, after)
}

/// The marks of quotations and lists before the words of the last line.
fn line_prefix(out: &str) -> String {
    let line = out.rsplit('\n').next().unwrap_or_default();
    if is_bare(line) {
        // The first line of an item: the others are indented as far.
        let blank = |c: char| if c == '>' { c } else { ' ' };
        return line.chars().map(blank).collect();
    }
    line.chars()
        .take_while(|c| c.is_whitespace() || *c == '>')
        .take(24)
        .collect()
}

/// Whether a line holds the marker of an item and nothing else.
fn is_bare(line: &str) -> bool {
    let marker = line.trim_matches(|c: char| c.is_whitespace() || c == '>');
    let bullet = matches!(marker, "-" | "*" | "+");
    let number = marker.strip_suffix(['.', ')']).is_some_and(|digits| {
        (1..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
    });
    line.len() < 24 && (bullet || number)
}

/// Writes a line that a blank one precedes.
fn own_line(out: &mut String, prefix: &str, line: &str) {
    let last = out.rsplit('\n').next().unwrap_or_default();
    if is_bare(last) && last.ends_with(' ') {
        out.push_str(line);
        return;
    }
    if last
        .trim_matches(|c: char| c.is_whitespace() || c == '>')
        .is_empty()
    {
        out.truncate(out.len() - last.len());
    } else {
        out.push('\n');
    }
    if !out.is_empty() && !out.ends_with("\n\n") {
        out.push_str(prefix.trim_end());
        out.push('\n');
    }
    out.push_str(prefix);
    out.push_str(line);
}
