//! The marks that come in pairs, within the last line of a running answer.

use super::super::cut;

/// Marks that close themselves, the longer before the shorter.
const MARKS: [&str; 7] = ["**", "~~", "||", "==", "__", "*", "_"];

/// Pairs within pairs deeper than this are left open.
const OPEN_MAX: usize = 4;

/// The last line, which is where a pair can be open.
fn last_line(paragraph: &str) -> &str {
    paragraph
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .trim_start()
}

/// The text without the marks at its end that may open something: those that
/// close a pair stay.
pub(super) fn without_opening_marks<'a>(paragraph: &'a str, loose: &[char]) -> &'a str {
    let bare = paragraph.trim_end_matches(loose);
    if bare.len() == paragraph.len() || bare.ends_with(char::is_whitespace) || bare.is_empty() {
        return bare;
    }
    // "**bold*" is "**bold" with half of its end; "**bold**" is whole.
    let marks = &paragraph[bare.len()..];
    let wanted = closing(bare);
    if !wanted.is_empty() && marks.starts_with(&wanted) {
        return &paragraph[..bare.len() + wanted.len()];
    }
    if last_line(bare).is_empty() {
        return bare;
    }
    bare
}

/// The marks that close what the last line leaves open.
pub(super) fn closing(paragraph: &str) -> String {
    let line = last_line(paragraph);
    let mut open: Vec<&str> = Vec::new();
    let mut rest = line;
    let mut before: Option<char> = None;
    let mut code = "";
    while let Some(c) = rest.chars().next() {
        if c == '`' {
            let run = &rest[..rest.len() - rest.trim_start_matches('`').len()];
            let inside = &rest[run.len()..];
            match end_of_code(inside, run.len()) {
                Some(end) => {
                    rest = &inside[end..];
                    before = Some('`');
                    continue;
                }
                None => {
                    code = run;
                    break;
                }
            }
        }
        if c == '\\' {
            let escaped = rest.chars().nth(1).map_or(0, char::len_utf8);
            rest = &rest[1 + escaped..];
            before = Some('\\');
            continue;
        }
        // Scripts without spaces begin a pair anywhere.
        let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() && c < '\u{e00}');
        let after_word = before.is_some_and(|c| !c.is_whitespace());
        // "***" closes what was opened last.
        let closes = open
            .last()
            .copied()
            .filter(|mark| after_word && rest.starts_with(mark));
        let opens = || MARKS.into_iter().find(|mark| rest.starts_with(mark));
        let Some(mark) = closes.or_else(opens) else {
            before = Some(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        let after = rest[mark.len()..].chars().next();
        // A low line inside a word is a letter of it.
        let in_word = mark.starts_with('_') && word(before) && word(after);
        if closes.is_some() && !in_word {
            open.pop();
        } else if closes.is_none()
            && after.is_some_and(|c| !c.is_whitespace())
            && !word(before)
            && open.len() < OPEN_MAX
        {
            open.push(mark);
        }
        before = mark.chars().last();
        rest = &rest[mark.len()..];
    }
    let mut out = code.to_owned();
    for mark in open.iter().rev() {
        out.push_str(mark);
    }
    out
}

/// The text with every piece of code in it blanked, each byte where it was.
pub(super) fn without_code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('`') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let run = rest.len() - rest.trim_start_matches('`').len();
        // Code that is still open is blank to the end.
        let len = end_of_code(&rest[run..], run).map_or(rest.len(), |end| run + end);
        out.extend(std::iter::repeat_n('.', len));
        rest = &rest[len..];
    }
    out.push_str(rest);
    out
}

/// Where the code ends that a run of this many backticks opened.
fn end_of_code(text: &str, run: usize) -> Option<usize> {
    let mut at = 0;
    while let Some(found) = text[at..].find('`') {
        let start = at + found;
        let rest = &text[start..];
        let len = rest.len() - rest.trim_start_matches('`').len();
        at = start + len;
        if len == run {
            return Some(at);
        }
    }
    None
}

/// A longer tag is none.
const TAG_MAX: usize = 300;

/// Tags that are obeyed in pairs.
const TAGS: [&str; 17] = [
    "a",
    "b",
    "strong",
    "i",
    "em",
    "u",
    "ins",
    "s",
    "del",
    "strike",
    "mark",
    "sub",
    "sup",
    "kbd",
    "code",
    "small",
    "tg-spoiler",
];

/// The tags that the last line opens and does not close, and where each begins.
fn open_tags(paragraph: &str) -> Vec<(usize, String)> {
    let line = last_line(paragraph);
    let line_from = paragraph.len() - line.len();
    let mut open: Vec<(usize, String)> = Vec::new();
    // Every second piece between backticks is code.
    let mut at = line_from;
    for (number, text) in line.split('`').enumerate() {
        for (start, _) in text.match_indices('<').filter(|_| number % 2 == 0) {
            let window = &text[start + 1..cut::reach(text, start + 1, TAG_MAX)];
            let Some((inside, _)) = window.split_once('>') else {
                continue;
            };
            let (inside, closes) = match inside.strip_prefix('/') {
                Some(inside) => (inside, true),
                None => (inside, false),
            };
            let name = inside
                .split_whitespace()
                .next()
                .unwrap_or_default()
                .to_ascii_lowercase();
            let bare = inside.len() == name.len() || name == "a";
            if closes && open.last().is_some_and(|last| last.1 == name) {
                open.pop();
            } else if !closes && bare && TAGS.contains(&name.as_str()) && open.len() < OPEN_MAX {
                open.push((at + start, name));
            }
        }
        at += text.len() + 1;
    }
    open
}

/// The text without a tag at its end that opens something.
pub(super) fn without_opening_tag(paragraph: &str) -> &str {
    if !paragraph.ends_with('>') {
        return paragraph;
    }
    let mut end = paragraph.len();
    for (start, _) in open_tags(paragraph).into_iter().rev() {
        let tag = paragraph[start..end].trim_end();
        if tag.find('>') != Some(tag.len() - 1) {
            break;
        }
        end = start;
    }
    paragraph[..end].trim_end()
}

/// The tags that close what the last line leaves open.
pub(super) fn closing_tags(paragraph: &str) -> String {
    let mut out = String::new();
    for (_, name) in open_tags(paragraph).into_iter().rev() {
        out.push_str(&format!("</{name}>"));
    }
    out
}
