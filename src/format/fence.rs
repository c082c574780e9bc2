//! Fences of code: how one is read, which one a text leaves open, and how a
//! text is closed so that words of ours can stand below it.

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag};

use super::details::{self, Fold};
use super::math;

/// The run of backticks or tildes that a line begins with.
pub(super) fn mark(line: &str) -> &str {
    let line = line.trim_start();
    let Some(c) = line.chars().next().filter(|c| matches!(c, '`' | '~')) else {
        return "";
    };
    &line[..line.len() - line.trim_start_matches(c).len()]
}

/// Whether a line is indented so little that its marks are marks.
pub(super) fn at_margin(line: &str) -> bool {
    !line.starts_with("    ") && !line.trim_start_matches(' ').starts_with('\t')
}

/// Whether a line closes the fence that `mark` opened.
pub(super) fn closes(line: &str, mark: &str) -> bool {
    let line = line.trim();
    line.len() >= mark.len() && !mark.is_empty() && line.trim_start_matches(&mark[..1]).is_empty()
}

/// The first line of the fence of the top level that a text leaves open.
pub(super) fn open(markdown: &str) -> Option<String> {
    let folded = details::normalise(markdown);
    let text = folded.trim_end();
    let mut depth = 0_usize;
    let mut last = None;
    for (event, range) in Parser::new_ext(text, math::options()).into_offset_iter() {
        match event {
            Event::Start(tag) => {
                let fenced = matches!(tag, Tag::CodeBlock(CodeBlockKind::Fenced(_)));
                if depth == 0 {
                    last = fenced.then_some(range);
                }
                depth += 1;
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            _ if depth == 0 => last = None,
            _ => {}
        }
    }
    let code = last.filter(|range| range.end >= text.len())?;
    let code = text.get(code)?;
    let (first, rest) = code.split_once('\n').unwrap_or((code, ""));
    let end = rest.rsplit('\n').next().unwrap_or_default();
    let closed = at_margin(end) && closes(end, mark(first));
    (!closed && !mark(first).is_empty()).then(|| first.trim_end().to_owned())
}

/// The text with what its end leaves open closed: a fence of code, and what
/// folds.
pub(super) fn closed(markdown: &str) -> String {
    let mut text = markdown.to_owned();
    if let Some(first) = open(markdown) {
        let mark = mark(&first);
        text.truncate(text.trim_end().len());
        let line = text.rfind('\n').map_or(0, |at| at + 1);
        // Half of the fence that was just being written is no code.
        let last = text[line..].trim();
        let half = (1..mark.len()).contains(&last.len()) && closes(last, &mark[..1]);
        if half && !markdown.ends_with('\n') {
            text.truncate(line.saturating_sub(1));
        }
        text.push('\n');
        text.push_str(mark);
    }
    for _ in 0..open_folds(&text) {
        text.push_str("\n\n");
        text.push_str(details::CLOSING);
    }
    text
}

/// How many folds of the top level a text leaves open.
fn open_folds(markdown: &str) -> usize {
    let folded = details::normalise(markdown);
    let (mut depth, mut open) = (0_usize, 0_usize);
    for event in Parser::new_ext(&folded, math::options()) {
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            // In another block it ends with that.
            Event::Html(html) if depth == 1 => match details::read(&html) {
                Some(Fold::Opens(_)) => open += 1,
                Some(Fold::Closes) => open = open.saturating_sub(1),
                None => {}
            },
            _ => {}
        }
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_closed_with_the_marks_it_was_opened_with() {
        for (text, wanted) in [
            ("", ""),
            ("words", "words"),
            ("```rs\nlet a", "```rs\nlet a\n```"),
            ("```rs\nlet a;\n\n", "```rs\nlet a;\n```"),
            ("```rs\nlet a;\n``", "```rs\nlet a;\n```"),
            ("a\n\n```py", "a\n\n```py\n```"),
            ("````md\n```\nx\n```\n", "````md\n```\nx\n```\n````"),
            ("~~~\nx", "~~~\nx\n~~~"),
            ("```\nx\n```", "```\nx\n```"),
            ("```\nx\n```\n\nwords", "```\nx\n```\n\nwords"),
            ("- a\n  ```sh\n  ls", "- a\n  ```sh\n  ls"),
            (
                "<details><summary>a</summary>\n\nb",
                "<details><summary>a</summary>\n\nb\n\n</details>",
            ),
            (
                "<details>\n<summary>a</summary>\n\n```rs\nb",
                "<details>\n<summary>a</summary>\n\n```rs\nb\n```\n\n</details>",
            ),
            (
                "<details><summary>a</summary>b</details>\n\nc",
                "<details><summary>a</summary>b</details>\n\nc",
            ),
            ("```html\n<details>", "```html\n<details>\n```"),
        ] {
            assert_eq!(closed(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn the_fence_left_open_is_told_with_its_language() {
        assert_eq!(
            open("a\n\n```rust title=x\nb").as_deref(),
            Some("```rust title=x")
        );
        assert_eq!(open("~~~~\nb").as_deref(), Some("~~~~"));
        for closed in ["", "a", "```\nb\n```", "- ```\n  b", "> ```\n> b", "    b"] {
            assert_eq!(open(closed), None, "{closed:?}");
        }
    }
}
