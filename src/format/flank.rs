//! Bold text in scripts without spaces.
//!
//! By the rules of Markdown `**注意：**请` is not bold: marks between
//! punctuation and a letter neither open nor close. Models write it all the
//! time. A hair's breadth of space makes it what it was meant to be.

use std::borrow::Cow;

use super::math;

const MARK: &str = "**";
const HAIR: char = '\u{200a}';

/// Adds the space where a pair of marks needs it.
pub(super) fn widen(markdown: &str) -> Cow<'_, str> {
    let wide = |c: char| c >= '\u{2e80}';
    if !markdown.contains(MARK) || !markdown.contains(wide) {
        return Cow::Borrowed(markdown);
    }
    let mut out = String::with_capacity(markdown.len() + 16);
    let mut at = 0;
    for code in math::code_ranges(markdown) {
        if code.start >= at {
            for line in markdown[at..code.start].split_inclusive('\n') {
                widen_line(line, &mut out);
            }
            out.push_str(&markdown[code.clone()]);
            at = code.end;
        }
    }
    for line in markdown[at..].split_inclusive('\n') {
        widen_line(line, &mut out);
    }
    Cow::Owned(out)
}

fn widen_line(line: &str, out: &mut String) {
    let marks = line.matches(MARK).count();
    if marks < 2 || line.contains("***") {
        out.push_str(line);
        return;
    }
    let mut pieces = line.split(MARK).peekable();
    let mut opens = true;
    let mut before = None;
    while let Some(piece) = pieces.next() {
        out.push_str(piece);
        before = piece.chars().next_back().or(before);
        let Some(next) = pieces.peek() else { return };
        let after = next.chars().next();
        let (outer, inner) = if opens {
            (before, after)
        } else {
            (after, before)
        };
        let needs = outer.is_some_and(|c| c.is_alphanumeric() && c >= '\u{2e80}')
            && inner.is_some_and(|c| !c.is_alphanumeric() && !c.is_whitespace());
        if needs && opens {
            out.push(HAIR);
        }
        out.push_str(MARK);
        if needs && !opens {
            out.push(HAIR);
        }
        opens = !opens;
    }
}
