//! The offset checker: judges messages by Telegram's rules, over UTF-16 code
//! units, and shares no code with what builds them.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use crate::format::Formatted;

/// Asserts everything Telegram asks of a text message with entities.
pub(super) fn assert_valid(message: &Formatted, what: &str) {
    let units: Vec<u16> = message.text.encode_utf16().collect();
    let json = serde_json::to_value(message).expect("messages serialise");
    let empty = Vec::new();
    let entities: Vec<(String, usize, usize)> = json["entities"]
        .as_array()
        .unwrap_or(&empty)
        .iter()
        .map(|entity| {
            let number = |key: &str| entity[key].as_u64().expect("a number") as usize;
            let kind = entity["type"].as_str().expect("a type").to_owned();
            if kind == "text_link" {
                let url = entity["url"].as_str().expect("an address");
                assert!(!url.contains(char::is_whitespace), "{what}: {url}");
                assert!(
                    ["http://", "https://", "tg://", "mailto:"]
                        .iter()
                        .any(|scheme| url.to_lowercase().starts_with(scheme)),
                    "{what}: {url}"
                );
            }
            (kind, number("offset"), number("offset") + number("length"))
        })
        .collect();
    assert!(
        (1..=4096).contains(&units.len()),
        "{what}: {} units",
        units.len()
    );
    assert!(entities.len() <= 100, "{what}: {} entities", entities.len());
    assert!(
        !message.text.ends_with(char::is_whitespace),
        "{what}: {message:?}"
    );
    if message.text.starts_with(char::is_whitespace) {
        // Telegram trims up to the first entity: only code may keep its indentation.
        assert!(
            !message.text.trim_start_matches(' ').starts_with('\n'),
            "{what}"
        );
        assert!(
            entities.iter().any(|e| e.0 == "pre" && e.1 == 0),
            "{what}: {message:?}"
        );
    }
    for (kind, start, end) in &entities {
        assert!(
            start < end && *end <= units.len(),
            "{what}: {kind} {start}..{end}"
        );
        for border in [*start, *end] {
            let splits = border > 0
                && border < units.len()
                && (0xD800..0xDC00).contains(&units[border - 1])
                && (0xDC00..0xE000).contains(&units[border]);
            assert!(
                !splits,
                "{what}: {kind} splits a surrogate pair at {border}"
            );
        }
        let inside = String::from_utf16(&units[*start..*end]).expect("whole characters");
        assert!(!inside.trim().is_empty(), "{what}: an empty {kind}");
        assert!(
            !inside.ends_with(char::is_whitespace),
            "{what}: {kind} {inside:?}"
        );
    }
    for pair in entities.windows(2) {
        let sorted = pair[0].1 < pair[1].1 || (pair[0].1 == pair[1].1 && pair[0].2 >= pair[1].2);
        assert!(sorted, "{what}: {pair:?}");
    }
    for (number, a) in entities.iter().enumerate() {
        for b in &entities[number + 1..] {
            if b.1 >= a.2 {
                continue;
            }
            assert!(b.2 <= a.2, "{what}: {a:?} and {b:?} overlap partly");
            let mono = |kind: &str| kind == "pre" || kind == "code";
            assert!(!mono(&a.0), "{what}: {b:?} in {a:?}");
            assert!(
                !mono(&b.0) || a.0.ends_with("blockquote"),
                "{what}: {b:?} in {a:?}"
            );
            assert!(a.0 != b.0, "{what}: {b:?} in {a:?}");
            assert!(!b.0.ends_with("blockquote"), "{what}: {b:?} in {a:?}");
        }
    }
}

/// The extensions of rich Markdown.
pub(super) fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_MATH
}

/// Asserts the limits of a rich message and that no tag in it can be live.
pub(super) fn assert_rich(markdown: &str, what: &str) {
    assert!(markdown.encode_utf16().count() <= 32_768, "{what}");
    assert!(!markdown.trim().is_empty(), "{what}: empty");
    let (mut blocks, mut level) = (0, 0_usize);
    let mut columns = 0;
    let mut code: Option<bool> = None;
    let mut folds = 0_usize;
    for (event, range) in Parser::new_ext(markdown, options()).into_offset_iter() {
        match &event {
            Event::Start(tag) => {
                level += 1;
                assert!(level <= 16, "{what}: too deep");
                match tag {
                    Tag::Table(alignments) => columns = columns.max(alignments.len()),
                    Tag::CodeBlock(kind) => code = Some(matches!(kind, CodeBlockKind::Fenced(_))),
                    Tag::Strikethrough => {
                        let struck = &markdown[range.clone()];
                        assert!(struck.starts_with("~~"), "{what}: struck: {struck}");
                    }
                    Tag::Image { .. } => panic!("{what}: an image that Telegram would fetch"),
                    _ => {}
                }
                let inline = matches!(
                    tag,
                    Tag::Emphasis
                        | Tag::Strong
                        | Tag::Strikethrough
                        | Tag::Link { .. }
                        | Tag::TableCell
                );
                blocks += usize::from(!inline);
            }
            Event::End(end) => {
                level -= 1;
                if *end == TagEnd::CodeBlock && code == Some(true) && range.end == markdown.len() {
                    let code = &markdown[range.clone()];
                    let last = code.lines().last().unwrap_or_default();
                    let last = last.trim_matches(|c: char| c.is_whitespace() || c == '>');
                    assert!(
                        last.len() >= 3 && last.chars().all(|c| c == '`' || c == '~'),
                        "{what}: a fence is left open: {last:?}"
                    );
                }
            }
            Event::Html(html) => {
                let html = html.trim();
                let title = html
                    .strip_prefix("<details><summary>")
                    .and_then(|rest| rest.strip_suffix("</summary>"));
                match title {
                    Some(title) => {
                        assert!(!title.contains('<'), "{what}: a tag in a title: {title}");
                        folds += 1;
                        level += 1;
                    }
                    None => {
                        assert!(
                            html == "</details>" && folds > 0,
                            "{what}: a block of HTML: {html}"
                        );
                        folds -= 1;
                        level -= 1;
                    }
                }
            }
            Event::InlineHtml(html) => {
                let name = html.trim_matches(['<', '>', '/']).trim();
                let known = [
                    "u",
                    "ins",
                    "sub",
                    "sup",
                    "b",
                    "strong",
                    "i",
                    "em",
                    "s",
                    "del",
                    "mark",
                    "br",
                    "code",
                    "tg-spoiler",
                ];
                assert!(
                    known.contains(&name.to_lowercase().as_str()),
                    "{what}: {html}"
                );
            }
            Event::Text(_) if code.is_none() => {
                assert!(!markdown[range].contains('<'), "{what}: a bare <");
            }
            _ => {}
        }
        if matches!(event, Event::End(TagEnd::CodeBlock)) {
            code = None;
        }
    }
    assert!(folds == 0, "{what}: a fold is left open");
    assert!(blocks <= 500, "{what}: {blocks} blocks");
    assert!(columns <= 20, "{what}: {columns} columns");
}

/// The letters and digits of a text, in order.
pub(super) fn letters(text: &str) -> Vec<char> {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// What a person must see of an answer: the letters and digits of every text,
/// as the parser alone reads them.
pub(super) fn visible(markdown: &str) -> Vec<char> {
    let mut clean = markdown
        .replace("\r\n", "\n")
        .replace(['\u{2028}', '\u{202e}'], " ");
    // In other words.
    for word in ["NOTE", "TIP", "IMPORTANT", "WARNING", "CAUTION", "tip"] {
        clean = clean.replace(&format!("[!{word}]"), " ");
    }
    for name in [
        "align",
        "align*",
        "aligned",
        "equation",
        "equation*",
        "gather",
    ] {
        let (open, close) = (format!("\\begin{{{name}}}"), format!("\\end{{{name}}}"));
        clean = without_formulas(&clean, &open, &close);
    }
    shown(&without_formulas(&clean, "\\(", "\\)"))
}

/// The text without what stands between these marks in one paragraph.
fn without_formulas(text: &str, open: &str, close: &str) -> String {
    let mut out = String::new();
    for paragraph in text.split_inclusive("\n\n") {
        let mut rest = paragraph;
        while let Some((before, inside)) = rest.split_once(open) {
            out.push_str(before);
            let Some((_, after)) = inside.split_once(close) else {
                rest = inside;
                break;
            };
            out.push(' ');
            rest = after;
        }
        out.push_str(rest);
    }
    if open == "\\(" {
        return without_formulas(&out, "\\[", "\\]");
    }
    out
}

/// What a rich message shows, with the entities of our escapes read back.
pub(super) fn visible_rich(markdown: &str) -> Vec<char> {
    shown(markdown)
}

fn shown(markdown: &str) -> Vec<char> {
    let mut text = String::new();
    // What other signs may stand for: formulas, and the first name in the head
    // of a table whose rows become entries.
    let mut skipped = 0_usize;
    let mut in_head = false;
    for event in Parser::new_ext(markdown, options()) {
        match event {
            Event::Start(Tag::TableHead) => in_head = true,
            Event::End(TagEnd::TableHead) => in_head = false,
            Event::Text(t) | Event::Code(t) if skipped == 0 && !in_head => text.push_str(&t),
            Event::Html(t) | Event::InlineHtml(t) => {
                let name = t
                    .trim_matches(|c: char| "</> \n".contains(c))
                    .to_lowercase();
                let name = name.split_whitespace().next().unwrap_or_default();
                let open = !t.starts_with("</");
                match name {
                    "sub" | "sup" if open => skipped += 1,
                    "sub" | "sup" => skipped = skipped.saturating_sub(1),
                    _ if TAGS.contains(&name) => {}
                    _ => text.push_str(&untagged(&t)),
                }
            }
            Event::FootnoteReference(label) => text.push_str(&label),
            Event::Start(Tag::FootnoteDefinition(label)) => text.push_str(&label),
            Event::End(TagEnd::Paragraph | TagEnd::Item | TagEnd::TableCell) => {
                skipped = 0;
                text.push(' ');
            }
            _ => text.push(' '),
        }
    }
    letters(&text)
}

/// HTML without the tags that are obeyed.
fn untagged(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some((before, inside)) = rest.split_once('<') {
        out.push_str(before);
        let name: String = inside
            .trim_start_matches('/')
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect::<String>()
            .to_lowercase();
        let known = TAGS.contains(&name.as_str()) || name == "details" || name == "summary";
        match inside.split_once('>').filter(|_| known) {
            Some((_, after)) => rest = after,
            None => {
                out.push('<');
                rest = inside;
            }
        }
    }
    out + rest
}

/// Tags that are obeyed rather than shown.
const TAGS: [&str; 26] = [
    "div",
    "p",
    "font",
    "big",
    "br",
    "u",
    "ins",
    "b",
    "strong",
    "i",
    "em",
    "s",
    "del",
    "strike",
    "mark",
    "kbd",
    "code",
    "samp",
    "tt",
    "var",
    "a",
    "span",
    "center",
    "small",
    "tg-spoiler",
    "hr",
];

/// Asserts that all of `wanted` stands in `shown`, in order.
pub(super) fn in_order(wanted: &[char], shown: &[char], what: &str) {
    let mut rest = shown.iter();
    for (at, c) in wanted.iter().enumerate() {
        if !rest.any(|s| s == c) {
            let from = at.saturating_sub(30);
            let near: String = wanted[from..(at + 10).min(wanted.len())].iter().collect();
            panic!("{what}: lost {c:?} near {near:?}");
        }
    }
}
