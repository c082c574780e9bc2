//! The beginning of a long answer, for the message beside the file that holds
//! all of it: its first blocks of the top level, whole wherever that is
//! possible.

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag};

use super::{cut, fence, math, render};

/// What stands where more would follow.
const MORE: &str = "…";

/// What a block of the top level is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Heading,
    Paragraph,
    Fence,
    Other,
}

/// The first blocks of `markdown`, of about `max` UTF-16 units at the most.
pub(super) fn summary(markdown: &str, max: usize) -> String {
    let mut end = 0;
    let mut next = None;
    for (range, kind) in blocks(markdown) {
        if cut::units(&markdown[..range.end]) > max {
            next = Some((range, kind));
            break;
        }
        // A heading with nothing under it promises what is not there.
        if kind != Kind::Heading {
            end = range.end;
        }
    }
    let whole = markdown[..end].trim();
    match next {
        // Much room is left: the first words of what would follow fill it.
        Some((range, kind @ (Kind::Paragraph | Kind::Fence))) => {
            let before = &markdown[..range.start];
            let room = max.saturating_sub(cut::units(before));
            let more = match kind {
                _ if room < max / 3 => None,
                Kind::Fence => first_lines(&markdown[range], room),
                _ => Some(format!("{} {MORE}", beginning(&markdown[range], room))),
            };
            if let Some(more) = more {
                return format!("{}\n\n{more}", before.trim_end())
                    .trim_start()
                    .to_owned();
            }
        }
        None if whole.is_empty() => return MORE.to_owned(),
        _ => {}
    }
    match whole.is_empty() {
        // Not one block fits: its words, as far as they go.
        true => format!("{} {MORE}", beginning(markdown, max)),
        false => format!("{whole}\n\n{MORE}"),
    }
}

/// The first words of a text, of at most `max` UTF-16 units, as Markdown that
/// shows just them.
fn beginning(markdown: &str, max: usize) -> String {
    let rendered = render::render(markdown);
    let text = rendered.text().trim_start();
    let limit = cut::reach(text, 0, max);
    if limit == 0 {
        return String::new();
    }
    let mut plain = String::new();
    for line in text[..cut::border(text, 0, limit)].trim_end().lines() {
        super::dialect::escape(line, &mut plain);
        plain.push('\n');
    }
    plain.trim_end().to_owned()
}

/// The first lines of a block of code, of at most `max` UTF-16 units, closed;
/// `None` if not one fits.
fn first_lines(source: &str, max: usize) -> Option<String> {
    let (first, body) = source.split_once('\n')?;
    let mark = fence::mark(first);
    let mut code = first.trim_end().to_owned();
    let mut room = max.checked_sub(cut::units(first) + mark.len() + 2)?;
    let opening = code.len();
    for line in body.lines() {
        let size = cut::units(line) + 1;
        if size > room || fence::closes(line, mark) {
            break;
        }
        room -= size;
        code.push('\n');
        code.push_str(line);
    }
    let shows = cut::is_visible(&code[opening..]);
    shows.then(|| format!("{}\n{mark}\n\n{MORE}", code.trim_end()))
}

/// The blocks of the top level: where each is, and what.
fn blocks(markdown: &str) -> Vec<(std::ops::Range<usize>, Kind)> {
    let mut found = Vec::new();
    let mut depth = 0_usize;
    for (event, range) in Parser::new_ext(markdown, math::options()).into_offset_iter() {
        match event {
            Event::Start(tag) => {
                if depth == 0 {
                    let kind = match tag {
                        Tag::Heading { .. } => Kind::Heading,
                        Tag::Paragraph => Kind::Paragraph,
                        Tag::CodeBlock(CodeBlockKind::Fenced(_)) => Kind::Fence,
                        _ => Kind::Other,
                    };
                    found.push((range, kind));
                }
                depth += 1;
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            // Like a heading it says nothing by itself.
            Event::Rule if depth == 0 => found.push((range, Kind::Heading)),
            _ => {}
        }
    }
    found
}

/// The words of the first heading, else of the first line.
pub(super) fn title(markdown: &str) -> String {
    let all = blocks(markdown);
    let heading = all.iter().find(|(_, kind)| *kind == Kind::Heading);
    let source = heading.map_or(markdown, |(range, _)| &markdown[range.clone()]);
    let rendered = render::render(source);
    let lines = rendered.text().lines().map(str::trim);
    let mut lines = lines.filter(|line| !line.is_empty());
    lines.next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_between_blocks_and_never_with_a_heading_alone() {
        let text = "# Cats\n\nThey sleep.\n\n## Food\n\n```\nlong code\n```\n\n## More\n\nwords";
        assert_eq!(summary(text, 30), "# Cats\n\nThey sleep.\n\n…");
        let more = format!(
            "# Cats\n\nThey sleep.\n\n## Food\n\n{}",
            "They eat. ".repeat(50)
        );
        let more = summary(&more, 100);
        assert!(
            more.starts_with("# Cats\n\nThey sleep.\n\n## Food\n\nThey eat"),
            "{more}"
        );
        assert!(more.ends_with(" …") && cut::units(&more) < 120, "{more}");
        let with_code = summary(text, 55);
        assert!(with_code.ends_with("```\n\n…"), "{with_code:?}");
        assert!(!summary(text, 62).contains("More"));
    }

    #[test]
    fn one_block_that_does_not_fit_gives_its_first_words() {
        let long = "word **bold** ".repeat(400);
        let short = summary(&long, 100);
        assert!(
            short.starts_with("word bold word") && short.ends_with('…'),
            "{short}"
        );
        assert!(cut::units(&short) <= 110);
        let code = format!("```rust\n{}\n```", "let a_b = 1;\n".repeat(300));
        assert!(!summary(&code, 100).is_empty());
        assert_eq!(summary("", 100), "…");
    }

    #[test]
    fn a_block_of_code_that_does_not_fit_gives_its_first_lines_closed() {
        let code = format!("~~~~rust\n{}\n~~~~", "let a_b = 1;\n".repeat(300));
        let lines = "let a_b = 1;\n".repeat(6);
        let shown = format!("~~~~rust\n{lines}~~~~\n\n…");
        assert_eq!(summary(&code, 100), shown);
        assert_eq!(
            summary(&format!("Here:\n\n{code}"), 107),
            format!("Here:\n\n{shown}")
        );
        // One line that is longer than all of it: its first letters.
        let line = format!("```\n{}\n```", "x".repeat(300));
        assert!(summary(&line, 100).starts_with("xxx"));
    }

    #[test]
    fn its_title_is_the_first_heading_or_the_first_line() {
        assert_eq!(title("Hello\n\n# The *big* one\n\nx"), "The big one");
        assert_eq!(title("Just **words**\n\nmore"), "Just words");
        assert_eq!(title(""), "");
    }
}
