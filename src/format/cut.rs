//! Where a text may be cut: UTF-16 measures, lines, words and graphemes.
//!
//! Every cut lies on a character border, so it never falls inside a surrogate
//! pair, and, wherever a whole grapheme fits, between graphemes.

use unicode_segmentation::GraphemeCursor;

/// Characters that are not white space but show nothing: Telegram calls a text
/// of only these empty and refuses it.
const INVISIBLE: [char; 14] = [
    '\u{ad}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{200e}', '\u{200f}', '\u{2060}', '\u{2061}',
    '\u{2062}', '\u{2063}', '\u{2064}', '\u{2800}', '\u{3164}', '\u{feff}',
];

/// UTF-16 code units of a text.
pub(super) fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Whether a person would see anything of it.
pub(super) fn is_visible(text: &str) -> bool {
    text.chars()
        .any(|c| !c.is_whitespace() && !c.is_control() && !INVISIBLE.contains(&c))
}

/// The byte position `max` UTF-16 units after `start`, at a character border,
/// or the end of the text.
pub(super) fn reach(text: &str, start: usize, max: usize) -> usize {
    let mut left = max;
    for (at, c) in text[start..].char_indices() {
        if c.len_utf16() > left {
            return start + at;
        }
        left -= c.len_utf16();
    }
    text.len()
}

/// The best place in `(start, limit]` to cut a text that has no structure: the
/// last line break, unless that leaves less than a third; then the last word;
/// then any line break; then between graphemes.
///
/// `limit` must be a character border beyond `start`.
pub(super) fn border(text: &str, start: usize, limit: usize) -> usize {
    if limit >= text.len() || text[limit..].starts_with('\n') {
        return limit;
    }
    let enough = start + (limit - start) / 3;
    let window = &text[start..limit];
    let line = window.rfind('\n').map(|at| start + at + 1);
    if let Some(line) = line.filter(|at| *at > enough) {
        return line;
    }
    if text[limit..].starts_with(char::is_whitespace) {
        return limit;
    }
    let word = window
        .char_indices()
        .rev()
        .find(|(_, c)| c.is_whitespace())
        .map(|(at, c)| start + at + c.len_utf8());
    if let Some(word) = word.filter(|at| *at > enough) {
        return word;
    }
    line.unwrap_or_else(|| grapheme(text, start, limit))
}

/// The last grapheme border in `(start, limit]`; `limit` itself when one
/// grapheme fills the whole window.
fn grapheme(text: &str, start: usize, limit: usize) -> usize {
    // The cursor works on the window alone, so that a hostile run of combining
    // marks costs no more than the window.
    let end = text[limit..]
        .chars()
        .next()
        .map_or(limit, |c| limit + c.len_utf8());
    let window = &text[start..end];
    let mut cursor = GraphemeCursor::new(limit - start, window.len(), true);
    if let Ok(true) = cursor.is_boundary(window, 0) {
        return limit;
    }
    match cursor.prev_boundary(window, 0) {
        Ok(Some(at)) if at > 0 => start + at,
        _ => limit,
    }
}

/// A text in parts of at most `max` UTF-16 units, trimmed, none without
/// anything visible.
pub(super) fn plain_parts(text: &str, max: usize) -> Vec<String> {
    let mut parts = Vec::new();
    let mut start = 0;
    while start < text.len() {
        start += text[start..].len() - text[start..].trim_start().len();
        if start >= text.len() {
            break;
        }
        let limit = reach(text, start, max);
        let end = border(text, start, limit);
        let part = text[start..end].trim_end();
        if is_visible(part) {
            parts.push(part.to_owned());
        }
        start = end;
    }
    parts
}
