//! LaTeX and dollars: one spelling for formulas, and amounts of money that
//! stay amounts.
//!
//! Models write formulas as `\(…\)`, `\[…\]`, `$…$`, `$$…$$` and as bare
//! environments (`\begin{align}`); Telegram and our parser know only the
//! dollars. A dollar that opens no formula is
//! escaped, or "$5 or A$7" would be set as one. Code is never touched.

use std::borrow::Cow;
use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag};

/// The extensions of Markdown that both models and Telegram use.
pub(super) fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_MATH
}

/// Environments that are formulas by themselves, and what they are within
/// dollars, where they must not stand; an equation is just its inside.
const ENVIRONMENTS: [(&str, Option<&str>); 8] = [
    ("align", Some("aligned")),
    ("align*", Some("aligned")),
    ("aligned", Some("aligned")),
    ("equation", None),
    ("equation*", None),
    ("gather", Some("gathered")),
    ("gather*", Some("gathered")),
    ("gathered", Some("gathered")),
];

const BEGIN: &str = "\\begin{";

/// The environment that a text begins: its number and the length of its head.
fn environment(text: &str) -> Option<(usize, usize)> {
    let name = text.strip_prefix(BEGIN)?;
    ENVIRONMENTS
        .iter()
        .enumerate()
        .find_map(|(number, (known, _))| {
            let is_it = name.strip_prefix(known)?.starts_with('}');
            is_it.then_some((number, BEGIN.len() + known.len() + 1))
        })
}

/// Where an environment begins whose end is still to come, or what may become
/// the head of one.
pub(super) fn open_environment(text: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let words = line.trim_start();
        let place = at + line.len() - words.len();
        at += line.len();
        let words = words.trim_end();
        if let Some((number, _)) = environment(words) {
            let end = format!("\\end{{{}}}", ENVIRONMENTS[number].0);
            if !text[place..].contains(&end) {
                return Some(place);
            }
        }
        let grows = !words.is_empty() && BEGIN.starts_with(words)
            || words.starts_with(BEGIN) && !words.contains('}');
        if grows && at == text.len() {
            return Some(place);
        }
    }
    None
}

/// Rewrites every formula with dollars and escapes every other dollar.
pub(super) fn normalise(markdown: &str) -> Cow<'_, str> {
    let marks = ["$", "\\(", "\\[", BEGIN];
    if !marks.iter().any(|mark| markdown.contains(mark)) {
        return Cow::Borrowed(markdown);
    }
    let mut out = String::with_capacity(markdown.len() + 16);
    let mut at = 0;
    for code in code_ranges(markdown) {
        if code.start >= at {
            rewrite(&markdown[at..code.start], &mut out);
            out.push_str(&markdown[code.clone()]);
            at = code.end;
        }
    }
    rewrite(&markdown[at..], &mut out);
    Cow::Owned(out)
}

/// Where the Markdown is code, in order.
pub(super) fn code_ranges(markdown: &str) -> Vec<Range<usize>> {
    let options = options() - Options::ENABLE_MATH;
    Parser::new_ext(markdown, options)
        .into_offset_iter()
        .filter_map(|(event, range)| match event {
            Event::Code(_) | Event::Start(Tag::CodeBlock(_)) => Some(range),
            _ => None,
        })
        .collect()
}

/// Rewrites text without code, paragraph by paragraph: no formula spans a
/// blank line, so no search goes further than that.
fn rewrite(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(end) = rest.find("\n\n") {
        let (paragraph, next) = rest.split_at(end + 2);
        Paragraph::new(paragraph).rewrite(out);
        rest = next;
    }
    Paragraph::new(rest).rewrite(out);
}

/// Kinds of closing marks: of three pairs, and of the environments.
const KINDS: usize = 3 + ENVIRONMENTS.len();

/// A paragraph, and from where on each closing mark is known to be missing:
/// a thousand openers without an end must not cost a thousand searches.
struct Paragraph<'a> {
    text: &'a str,
    missing: [bool; KINDS],
}

impl<'a> Paragraph<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            missing: [false; KINDS],
        }
    }

    fn rewrite(mut self, out: &mut String) {
        let mut at = 0;
        while let Some(found) = self.text[at..].find(['\\', '$']) {
            let mark = at + found;
            out.push_str(&self.text[at..mark]);
            at = self.formula(mark, out);
        }
        out.push_str(&self.text[at..]);
    }

    /// Writes what begins at the mark and gives the place after it.
    fn formula(&mut self, mark: usize, out: &mut String) -> usize {
        let rest = &self.text[mark..];
        if rest.starts_with("\\(") {
            if let Some(end) = self.closing(mark + 2, "\\)", 0) {
                let inner = self.text[mark + 2..end].trim();
                if !inner.is_empty() && !inner.contains('$') {
                    out.push('$');
                    out.push_str(inner);
                    out.push('$');
                    return end + 2;
                }
            }
        } else if rest.starts_with("\\[") {
            if let Some(end) = self.closing(mark + 2, "\\]", 1) {
                let inner = self.text[mark + 2..end].trim();
                if looks_like_formula(inner) {
                    out.push_str("$$");
                    out.push_str(inner);
                    out.push_str("$$");
                    return end + 2;
                }
            }
        } else if let Some(after) = self.block(mark, out) {
            return after;
        } else if rest.starts_with("$$") {
            if let Some(end) = self.closing(mark + 2, "$$", 2)
                && !self.text[mark + 2..end].trim().is_empty()
            {
                out.push_str(&self.text[mark..end + 2]);
                return end + 2;
            }
            out.push_str("\\$\\$");
            return mark + 2;
        } else if rest.starts_with('$') {
            if let Some(end) = inline_end(self.text, mark + 1) {
                out.push_str(&self.text[mark..=end]);
                return end + 1;
            }
            out.push_str("\\$");
            return mark + 1;
        }
        // A backslash and what it escapes stay together.
        let escaped = rest.chars().nth(1).map_or(0, char::len_utf8);
        let after = mark + 1 + escaped;
        out.push_str(&self.text[mark..after]);
        after
    }

    /// Writes the environment that begins a line here, as one line of its own:
    /// what its lines begin with must not be read as Markdown.
    fn block(&mut self, mark: usize, out: &mut String) -> Option<usize> {
        let (number, head) = environment(&self.text[mark..])?;
        let (name, within) = ENVIRONMENTS[number];
        let line = self.text[..mark].rfind('\n').map_or(0, |at| at + 1);
        if !self.text[line..mark].trim().is_empty() {
            return None;
        }
        let tail = format!("\\end{{{name}}}");
        let end = self.closing(mark + head, &tail, 3 + number)?;
        let inner = self.text[mark + head..end].trim();
        if inner.is_empty() || inner.contains('$') {
            return None;
        }
        // Behind a percent sign the rest of a line is a comment.
        let inner = match inner.contains('%') {
            true => inner.to_owned(),
            false => inner.split_whitespace().collect::<Vec<_>>().join(" "),
        };
        out.push_str(&match within {
            Some(within) => format!("$$\\begin{{{within}}} {inner} \\end{{{within}}}$$"),
            None => format!("$${inner}$$"),
        });
        Some(end + tail.len())
    }

    fn closing(&mut self, from: usize, mark: &str, kind: usize) -> Option<usize> {
        if self.missing[kind] {
            return None;
        }
        let found = self.text[from..].find(mark).map(|at| from + at);
        self.missing[kind] = found.is_none();
        found
    }
}

/// Where the formula that begins at `from` has its closing dollar: the next
/// dollar, if no space stands before it and no letter or digit after it.
fn inline_end(text: &str, from: usize) -> Option<usize> {
    let end = from + text[from..].find('$')?;
    let inner = &text[from..end];
    let after = text[end + 1..].chars().next();
    let closed = !inner.is_empty()
        && !inner.starts_with(char::is_whitespace)
        && !inner.ends_with(char::is_whitespace)
        && !inner.ends_with('\\')
        && !is_amount(inner)
        && !after.is_some_and(|c| c.is_alphanumeric() || c == '$');
    closed.then_some(end)
}

/// Whether what stands between two dollars is an amount and the words behind
/// it: "$350; A$".
fn is_amount(inner: &str) -> bool {
    inner.starts_with(|c: char| c.is_ascii_digit())
        && inner.contains(char::is_whitespace)
        && !inner.contains(['\\', '^', '_', '=', '<', '>', '{', '+'])
}

/// Whether `\[…\]` is a formula, or just brackets that were escaped.
fn looks_like_formula(inner: &str) -> bool {
    // "\[1, 2\]" are sources.
    let numbers = inner
        .chars()
        .all(|c| c.is_ascii_digit() || ", -–".contains(c));
    !inner.contains('$')
        && !numbers
        && inner
            .chars()
            .any(|c| matches!(c, '\\' | '^' | '_' | '=' | '+' | '<' | '>') || c.is_ascii_digit())
}
