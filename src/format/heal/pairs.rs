//! The marks that come in pairs, within the last line of a running answer.

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
        let Some(mark) = MARKS.into_iter().find(|mark| rest.starts_with(mark)) else {
            before = Some(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        let after = rest[mark.len()..].chars().next();
        let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        // A low line inside a word is a letter of it.
        let in_word = mark.starts_with('_') && word(before) && word(after);
        if open.last() == Some(&mark) && !in_word {
            open.pop();
        } else if after.is_some_and(|c| !c.is_whitespace())
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
