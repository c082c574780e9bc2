//! A running answer made fit to be shown: what its end leaves open is closed,
//! what cannot be judged yet is left out for a moment.
//!
//! Only the last paragraph is touched, and only for looks: whatever comes out
//! is still treated as untrusted Markdown.

mod pairs;

use std::borrow::Cow;
use std::collections::HashSet;

use pulldown_cmark::{Event, Parser, Tag};

use super::{cut, details, math};

/// A link, a tag or a formula whose end is missing is looked for this far back.
const BACK_MAX: usize = 2048;

/// The partial answer, ready to be formatted as if it were whole.
pub(super) fn heal(partial: &str) -> Cow<'_, str> {
    let trimmed = partial.trim_end();
    let last_line = trimmed.rfind('\n').map_or(0, |at| at + 1);
    match end_in_code(trimmed) {
        Code::Outside if closes_code(&trimmed[last_line..]) => {
            return without_open_references(Cow::Borrowed(partial));
        }
        Code::Outside => {}
        // A fence whose first line still grows.
        Code::Begun(at)
            if trimmed[at..].starts_with(['`', '~'])
                && !trimmed[at..].contains('\n')
                && partial.len() == trimmed.len() =>
        {
            return Cow::Owned(heal(&trimmed[..at]).into_owned());
        }
        Code::Begun(_) => {
            // The parser ends the block with the answer; but the marks of a
            // fence that is just being closed are not code.
            let line = trimmed[last_line..].trim_matches(|c: char| c.is_whitespace() || c == '>');
            let half_fence = !line.is_empty() && line.bytes().all(|b| b == b'`' || b == b'~');
            let shown = if half_fence && partial.len() == trimmed.len() {
                &trimmed[..last_line]
            } else {
                partial
            };
            return without_open_references(Cow::Borrowed(shown));
        }
    }
    let start = trimmed.rfind("\n\n").map_or(0, |at| at + 2);
    let (before, paragraph) = trimmed.split_at(start);
    let is_whole = partial[trimmed.len()..].starts_with('\n');
    let paragraph = without_bare_marker(paragraph, is_whole);
    let paragraph = without_open_row(paragraph, is_whole);
    let paragraph = without_open_formula(paragraph);
    let paragraph = without_open_tag(paragraph);
    let paragraph = without_open_link(paragraph);
    let loose = ['*', '_', '~', '|', '`', '[', '\\', '<', '='];
    // The last mark of a row is no mark that opens.
    let is_row = begins_row(last_line_of(&paragraph));
    let paragraph = if is_row {
        paragraph.as_ref()
    } else {
        pairs::without_opening_marks(&paragraph, &loose)
    };
    let paragraph = without_bare_marker(paragraph.trim_end(), is_whole);
    let paragraph = paragraph.strip_suffix("![").unwrap_or(paragraph);
    let paragraph = pairs::without_opening_tag(paragraph);
    let closing = if is_row {
        String::new()
    } else {
        pairs::closing_tags(paragraph) + &pairs::closing(paragraph)
    };
    without_open_references(Cow::Owned(format!("{before}{paragraph}{closing}")))
}

/// Whether the answer so far ends inside a block of code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Code {
    Outside,
    /// In one that begins here.
    Begun(usize),
}

fn end_in_code(text: &str) -> Code {
    let mut found = Code::Outside;
    // As it is formatted, so that both see the same blocks.
    let folded = details::normalise(text);
    if folded.len() != text.len() {
        return end_in_fence(text);
    }
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
            found = if range.end >= text.len() && (mark.is_empty() || !closed) {
                Code::Begun(range.start)
            } else {
                Code::Outside
            };
        }
    }
    found
}

/// The same by lines alone, for a text whose blocks will be moved.
fn end_in_fence(text: &str) -> Code {
    let mut open: Option<(usize, &str)> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let words = line.trim_start_matches([' ', '>']);
        let mark = &words[..words.len() - words.trim_start_matches('`').len()];
        match open {
            None if mark.len() >= 3 => open = Some((at + line.len() - words.len(), mark)),
            Some((_, opened)) if mark.len() >= opened.len() && words.trim() == mark => open = None,
            _ => {}
        }
        at += line.len();
    }
    open.map_or(Code::Outside, |(at, _)| Code::Begun(at))
}

/// Whether a line ends a block of code.
fn closes_code(line: &str) -> bool {
    let line = line.trim_matches(|c: char| c.is_whitespace() || c == '>');
    line.len() >= 3 && line.bytes().all(|b| b == b'`' || b == b'~')
}

fn last_line_of(text: &str) -> &str {
    text.rsplit('\n').next().unwrap_or_default()
}

/// Leaves out a last line that is only the beginning of something: of an item,
/// a heading, a rule, or of what would make a heading of the line above.
fn without_bare_marker(paragraph: &str, is_whole: bool) -> &str {
    let line = last_line_of(paragraph);
    let marks = line.trim().trim_end_matches(['.', ')']);
    let is_number =
        !marks.is_empty() && marks.bytes().all(|b| b.is_ascii_digit()) && marks.len() < 4;
    let is_mark = !marks.is_empty() && marks.bytes().all(|b| b"-=*_+#> ".contains(&b));
    let alone = line.len() == paragraph.len();
    // A rule that stands alone is one when its line has ended.
    let is_rule = is_whole && alone && marks.len() >= 3;
    let first_of_answer = is_number && alone && !line.trim().ends_with(['.', ')']);
    if (is_mark && !is_rule) || (is_number && !first_of_answer) {
        paragraph[..paragraph.len() - line.len()].trim_end()
    } else {
        paragraph
    }
}

/// Leaves out the head of a table until the line below it tells that it is
/// one, and a row until it is whole.
fn without_open_row(paragraph: &str, is_whole: bool) -> &str {
    let mut lines = paragraph.lines().rev();
    let is_row = begins_row;
    let is_rule = |line: &str| {
        let line = line.trim();
        !line.is_empty() && line.bytes().all(|b| b"|-: ".contains(&b))
    };
    let columns = |line: &str| line.trim().trim_matches('|').matches('|').count();
    let last = lines.next().unwrap_or_default();
    let cut = match lines.next() {
        Some(above) if is_row(above) && is_rule(last) => {
            let whole = last.contains('-') && columns(last) >= columns(above);
            // The rule of a table that has begun is a row of it.
            let begun = lines.next().is_some_and(is_row);
            if whole || begun {
                0
            } else {
                above.len() + 1 + last.len()
            }
        }
        Some(above) if is_row(above) && is_row(last) => {
            let whole =
                is_whole || (last.trim_end().ends_with('|') && columns(last) >= columns(above));
            if whole { 0 } else { last.len() }
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

/// The end of a text in which an open construct is looked for.
fn tail(text: &str) -> (usize, &str) {
    let mut from = text.len().saturating_sub(BACK_MAX);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    (from, &text[from..])
}

/// Leaves out a formula whose end is still to come.
fn without_open_formula(paragraph: &str) -> &str {
    let (from, window) = tail(paragraph);
    let window = pairs::without_code(window);
    let window = window.as_str();
    let mut cut: Option<usize> = None;
    for (open, close) in [("\\(", "\\)"), ("\\[", "\\]")] {
        if let Some(at) = window.rfind(open)
            && !window[at..].contains(close)
            && !window[..at].ends_with('\\')
        {
            cut = Some(cut.map_or(at, |other| other.min(at)));
        }
    }
    if window.matches("$$").count() % 2 == 1
        && let Some(at) = window.rfind("$$")
    {
        cut = Some(cut.map_or(at, |other| other.min(at)));
    } else if let Some(at) = open_dollar(window) {
        cut = Some(cut.map_or(at, |other| other.min(at)));
    }
    if let Some(at) = math::open_environment(window) {
        cut = Some(cut.map_or(at, |other| other.min(at)));
    }
    cut.map_or(paragraph, |at| paragraph[..from + at].trim_end())
}

/// The dollar of the last line that opens a formula without an end; an amount
/// of money opens none.
fn open_dollar(window: &str) -> Option<usize> {
    let line_from = window.rfind('\n').map_or(0, |at| at + 1);
    let mut open = None;
    let mut before = None;
    for (at, c) in window[line_from..].char_indices() {
        let at = line_from + at;
        if c == '$' && before != Some('\\') {
            let after = window[at + 1..].chars().next();
            open = match open {
                Some(_) => None,
                None if after.is_some_and(|c| c.is_ascii_digit() || c.is_whitespace()) => None,
                None => Some(at),
            };
        }
        before = Some(c);
    }
    open
}

/// Leaves out a tag that is being written.
fn without_open_tag(paragraph: &str) -> &str {
    let line_from = paragraph.len() - last_line_of(paragraph).len();
    let line = pairs::without_code(&paragraph[line_from..]);
    let Some(at) = line.rfind('<') else {
        return paragraph;
    };
    let inside = &line[at + 1..];
    let begins = inside.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
    let open = begins && !inside.contains('>') && inside.len() < 200;
    let shown = if open {
        &paragraph[..line_from + at]
    } else {
        paragraph
    };
    // A fold begins with its title.
    let shown = match shown.rfind("<details") {
        Some(at) if !shown[at..].contains("</summary>") => &shown[..at],
        _ => shown,
    };
    if shown.len() < paragraph.len() {
        shown.trim_end()
    } else {
        paragraph
    }
}

/// Shows only the text of a link whose address is still arriving.
fn without_open_link(paragraph: &str) -> Cow<'_, str> {
    let (from, window) = tail(paragraph);
    let Some(open) = open_bracket(&pairs::without_code(window)) else {
        return Cow::Borrowed(paragraph);
    };
    let head = window[..open].strip_suffix('!').unwrap_or(&window[..open]);
    let inside = &window[open + 1..];
    let text = match inside.find(']') {
        Some(end) => &inside[..end],
        // A footnote's mark, an alert's, a box of a task, a number of a source.
        None if inside.starts_with(['^', '!']) || inside.len() < 4 => "",
        None => inside,
    };
    Cow::Owned(format!("{}{head}{text}", &paragraph[..from]))
}

/// Whether an address in brackets goes on beyond the text; it may hold pairs of
/// brackets itself.
fn is_open_address(address: &str) -> bool {
    let mut level = 0;
    for c in address.chars() {
        match c {
            '(' => level += 1,
            ')' => level -= 1,
            '\n' => return false,
            _ => {}
        }
        if level == 0 {
            return false;
        }
    }
    true
}

/// Whether a line begins a row of a table; two lines begin a spoiler.
fn begins_row(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with('|') && !line.starts_with("||")
}

/// The bracket that opens a link without an end.
fn open_bracket(window: &str) -> Option<usize> {
    if let Some(middle) = window.rfind("](")
        && is_open_address(&window[middle + 1..])
    {
        return window[..middle].rfind('[');
    }
    let open = window.rfind('[')?;
    let inside = &window[open..];
    (!inside.contains([']', '\n']) && !window[..open].ends_with('\\')).then_some(open)
}

/// Shows a reference to a footnote that is not there yet as what it will look
/// like.
fn without_open_references(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.contains("[^") {
        return text;
    }
    let defined: HashSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("[^")?.split_once("]:"))
        .map(|(label, _)| label)
        .collect();
    let code = math::code_ranges(&text);
    let mut code = code.iter().peekable();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (open, _) in text.match_indices("[^") {
        while code.next_if(|range| range.end <= open).is_some() {}
        if code.peek().is_some_and(|range| range.start <= open) {
            continue;
        }
        let window = &text[open..cut::reach(&text, open, 40)];
        let Some(len) = window.find(']') else {
            continue;
        };
        let label = &text[open + 2..open + len];
        let is_label = label
            .chars()
            .all(|c| c.is_alphanumeric() || "-_".contains(c));
        if is_label && !label.is_empty() && !defined.contains(label) && open >= at {
            out.push_str(&text[at..open]);
            out.push_str(&format!("&#91;{label}]"));
            at = open + len + 1;
        }
    }
    out.push_str(&text[at..]);
    Cow::Owned(out)
}
