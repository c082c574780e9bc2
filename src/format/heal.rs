//! A running answer made fit to be shown: what its end leaves open is closed,
//! what cannot be judged yet is left out for a moment.
//!
//! Only the last paragraph is touched, and only for looks: whatever comes out
//! is still treated as untrusted Markdown.

use std::borrow::Cow;

use pulldown_cmark::{Event, Parser, Tag};

use super::math;

/// A link or an image whose end is missing is looked for this far back.
const LINK_BACK_MAX: usize = 2048;

/// The partial answer, ready to be formatted as if it were whole.
pub(super) fn heal(partial: &str) -> Cow<'_, str> {
    let trimmed = partial.trim_end();
    let last_line = trimmed.rfind('\n').map_or(0, |at| at + 1);
    if ends_in_code(trimmed) {
        // The parser ends the block with the answer; but the marks of a fence
        // that is just being closed are not code.
        let line = trimmed[last_line..].trim_matches(|c: char| c.is_whitespace() || c == '>');
        let half_fence = line.len() < 3 && !line.is_empty() && line.bytes().all(|b| b == b'`');
        return Cow::Borrowed(if half_fence {
            &trimmed[..last_line]
        } else {
            partial
        });
    }
    let start = trimmed.rfind("\n\n").map_or(0, |at| at + 2);
    let (before, paragraph) = trimmed.split_at(start);
    let paragraph = without_table_head(paragraph);
    let paragraph = without_open_link(paragraph);
    let paragraph = paragraph.trim_end_matches(['*', '_', '~', '|', '`', '[', '!', '\\', '<']);
    let paragraph = paragraph.trim_end();
    Cow::Owned(format!("{before}{paragraph}{}", closing(paragraph)))
}

/// Whether the answer so far ends inside a block of code.
fn ends_in_code(text: &str) -> bool {
    let mut open = false;
    for (event, range) in Parser::new_ext(text, math::options()).into_offset_iter() {
        if let Event::Start(Tag::CodeBlock(_)) = event {
            let mark: String = text[range.start..]
                .chars()
                .take_while(|c| matches!(c, '`' | '~'))
                .collect();
            let closed = text[range.clone()]
                .trim_end()
                .rsplit_once('\n')
                .is_some_and(|(_, line)| {
                    let line = line.trim_matches(|c: char| c.is_whitespace() || c == '>');
                    line.len() >= mark.len() && line.chars().all(|c| matches!(c, '`' | '~'))
                });
            open = range.end >= text.len() && (mark.is_empty() || !closed);
        }
    }
    open
}

/// Leaves out the head of a table until the line below it tells that it is one.
fn without_table_head(paragraph: &str) -> &str {
    let mut lines = paragraph.lines().rev();
    let is_row = |line: &str| line.trim_start().starts_with('|');
    let is_rule = |line: &str| {
        let line = line.trim();
        !line.is_empty() && line.bytes().all(|b| b"|-: ".contains(&b))
    };
    let last = lines.next().unwrap_or_default();
    let above = lines.next();
    let cut = match above {
        Some(above) if is_row(above) && is_rule(last) => {
            let columns = |line: &str| line.trim().trim_matches('|').matches('|').count();
            let whole = last.contains('-') && columns(last) >= columns(above);
            if whole {
                0
            } else {
                above.len() + 1 + last.len()
            }
        }
        Some(above) if is_row(above) => 0,
        _ if is_row(last) => last.len(),
        _ => 0,
    };
    paragraph
        .get(..paragraph.len().saturating_sub(cut))
        .unwrap_or(paragraph)
        .trim_end()
}

/// Shows only the text of a link whose address is still arriving.
fn without_open_link(paragraph: &str) -> Cow<'_, str> {
    let mut from = paragraph.len().saturating_sub(LINK_BACK_MAX);
    while !paragraph.is_char_boundary(from) {
        from += 1;
    }
    let tail = &paragraph[from..];
    let Some(middle) = tail.rfind("](") else {
        return Cow::Borrowed(paragraph);
    };
    if tail[middle..].contains([')', '\n']) {
        return Cow::Borrowed(paragraph);
    }
    let Some(open) = tail[..middle].rfind('[') else {
        return Cow::Borrowed(paragraph);
    };
    let head = tail[..open].strip_suffix('!').unwrap_or(&tail[..open]);
    Cow::Owned(format!(
        "{}{head}{}",
        &paragraph[..from],
        &tail[open + 1..middle]
    ))
}

/// The marks that close what the last paragraph leaves open.
fn closing(paragraph: &str) -> String {
    let block = paragraph
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .trim_start();
    if block.matches('`').count() % 2 == 1 {
        return "`".to_owned();
    }
    let mut out = String::new();
    let mut open: Vec<&str> = Vec::new();
    let mut rest = block;
    let mut before = None;
    while let Some(c) = rest.chars().next() {
        let mark = ["**", "~~", "||", "*"]
            .into_iter()
            .find(|m| rest.starts_with(m));
        let Some(mark) = mark else {
            before = Some(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        let after = rest[mark.len()..].chars().next();
        if open.last() == Some(&mark) {
            open.pop();
        } else if after.is_some_and(|c| !c.is_whitespace())
            && !before.is_some_and(char::is_alphanumeric)
            && open.len() < 4
        {
            open.push(mark);
        }
        before = mark.chars().last();
        rest = &rest[mark.len()..];
    }
    for mark in open.iter().rev() {
        out.push_str(mark);
    }
    out
}
