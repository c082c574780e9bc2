//! What a message says, as HTML: Markdown of rich messages, entities of classic
//! ones.
//!
//! Whatever comes in is somebody's text: raw HTML is shown, not obeyed, save a
//! few tags without attributes; links lead to the web or nowhere; pictures are
//! never fetched.

use std::fmt::Write as _;

use maud::{Markup, PreEscaped, html};
use pulldown_cmark::{Alignment, CowStr, Event, Options, Parser, Tag, TagEnd};
use serde_json::Value;

use crate::playground::bot_api::{Content, Rich};

/// The tags of Telegram's dialect that are obeyed, and what they become.
const TAGS: [(&str, &str, &str); 8] = [
    ("tg-thinking", "<span class=\"thinking\">", "</span>"),
    ("tg-spoiler", SPOILER, "</span>"),
    ("b", "<b>", "</b>"),
    ("i", "<i>", "</i>"),
    ("u", "<u>", "</u>"),
    ("s", "<s>", "</s>"),
    ("sub", "<sub>", "</sub>"),
    ("sup", "<sup>", "</sup>"),
];

const SPOILER: &str = "<span class=\"spoiler\" tabindex=\"0\">";

/// What a message or a draft says.
pub(super) fn html(content: &Content) -> Markup {
    match &content.rich {
        Some(Rich::Markdown(source)) => html! { div.body.rich { (markdown(source)) } },
        Some(Rich::Html(source)) => html! { div.body { (source) } },
        None => html! { div.body { (entities(&content.text, &content.entities)) } },
    }
}

fn markdown(source: &str) -> Markup {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut open: Vec<&'static str> = Vec::new();
    let events = Parser::new_ext(source, options).map(|event| match event {
        Event::Html(raw) | Event::InlineHtml(raw) => inline(obey(&raw, &mut open)),
        Event::Start(Tag::Link { dest_url, .. }) => inline(link(&dest_url)),
        Event::End(TagEnd::Link) => inline("</a>".to_owned()),
        Event::Start(Tag::Image { .. }) => inline("<span class=\"picture\">".to_owned()),
        Event::End(TagEnd::Image) => inline("</span>".to_owned()),
        // Alignment is an inline style, which the page's policy forbids.
        Event::Start(Tag::Table(columns)) => {
            Event::Start(Tag::Table(vec![Alignment::None; columns.len()]))
        }
        Event::SoftBreak => Event::HardBreak,
        other => other,
    });
    let mut out = String::new();
    pulldown_cmark::html::push_html(&mut out, events);
    while let Some(name) = open.pop() {
        out.push_str(tag(name).map_or("", |(_, close)| close));
    }
    PreEscaped(out)
}

fn inline(html: String) -> Event<'static> {
    Event::InlineHtml(CowStr::from(html))
}

fn tag(name: &str) -> Option<(&'static str, &'static str)> {
    let found = TAGS.iter().find(|(known, _, _)| *known == name);
    found.map(|(_, open, close)| (*open, *close))
}

/// Raw HTML with every tag but ours escaped, and ours balanced.
fn obey(raw: &str, open: &mut Vec<&'static str>) -> String {
    let mut out = String::new();
    let mut rest = raw;
    while let Some(at) = rest.find('<') {
        escape(&rest[..at], &mut out);
        rest = &rest[at..];
        let end = rest.find('>').map_or(rest.len(), |end| end + 1);
        let inside = rest[..end].trim_start_matches('<').trim_end_matches('>');
        let (name, closes) = match inside.strip_prefix('/') {
            Some(name) => (name, true),
            None => (inside, false),
        };
        let known = TAGS.iter().find(|(known, _, _)| *known == name);
        match known {
            Some((name, html, _)) if !closes => {
                open.push(name);
                out.push_str(html);
            }
            Some((name, _, html)) if open.last() == Some(name) => {
                open.pop();
                out.push_str(html);
            }
            _ => escape(&rest[..end], &mut out),
        }
        rest = &rest[end..];
    }
    escape(rest, &mut out);
    out
}

fn escape(text: &str, out: &mut String) {
    out.push_str(&html! { (text) }.into_string());
}

/// The opening of a link: to the web, to Telegram, or to nowhere.
fn link(to: &str) -> String {
    let lower = to.trim().to_ascii_lowercase();
    let safe = ["https://", "http://", "mailto:", "tg://"]
        .iter()
        .any(|scheme| lower.starts_with(scheme));
    if !safe {
        return "<a class=\"dead\">".to_owned();
    }
    let mut out = "<a target=\"_blank\" rel=\"noopener noreferrer\" href=\"".to_owned();
    escape(to.trim(), &mut out);
    out.push_str("\">");
    out
}

/// One entity, in UTF-16 code units.
struct Span<'a> {
    from: usize,
    to: usize,
    entity: &'a Value,
}

fn entities(text: &str, entities: &[Value]) -> Markup {
    let number = |entity: &Value, name| {
        entity
            .get(name)?
            .as_u64()
            .and_then(|n| usize::try_from(n).ok())
    };
    let mut spans: Vec<Span<'_>> = entities
        .iter()
        .filter_map(|entity| {
            let from = number(entity, "offset")?;
            let to = from + number(entity, "length")?;
            Some(Span { from, to, entity })
        })
        .collect();
    // Outer ones first; stable, so equal ones keep their order.
    spans.sort_by_key(|span| (span.from, std::cmp::Reverse(span.to)));
    let mut spans = spans.into_iter().peekable();
    let mut open: Vec<(usize, &'static str)> = Vec::new();
    let (mut out, mut at) = (String::new(), 0);
    for c in text.chars() {
        while let Some((_, close)) = open.pop_if(|(to, _)| *to <= at) {
            out.push_str(close);
        }
        while let Some(span) = spans.next_if(|span| span.from <= at) {
            let covered: String = cut(text, &span);
            let (html, close) = dress(span.entity, &covered);
            out.push_str(&html);
            open.push((span.to, close));
        }
        escape(c.encode_utf8(&mut [0; 4]), &mut out);
        at += c.len_utf16();
    }
    for (_, close) in open.into_iter().rev() {
        out.push_str(close);
    }
    PreEscaped(out)
}

fn cut(text: &str, span: &Span<'_>) -> String {
    let units: Vec<u16> = text
        .encode_utf16()
        .skip(span.from)
        .take(span.to - span.from)
        .collect();
    String::from_utf16_lossy(&units)
}

fn dress(entity: &Value, covered: &str) -> (String, &'static str) {
    let text = |name| entity.get(name).and_then(Value::as_str).unwrap_or_default();
    let (open, close) = match text("type") {
        "bold" => ("<b>", "</b>"),
        "italic" => ("<i>", "</i>"),
        "underline" => ("<u>", "</u>"),
        "strikethrough" => ("<s>", "</s>"),
        "spoiler" => (SPOILER, "</span>"),
        "code" => ("<code>", "</code>"),
        "blockquote" | "expandable_blockquote" => ("<blockquote>", "</blockquote>"),
        "pre" => {
            let mut open = "<pre><code".to_owned();
            if !text("language").is_empty() {
                open.push_str(" data-language=\"");
                escape(text("language"), &mut open);
                open.push('"');
            }
            let _ = write!(open, ">");
            return (open, "</code></pre>");
        }
        "text_link" => return (link(text("url")), "</a>"),
        "url" if covered.contains("://") => return (link(covered), "</a>"),
        "url" => return (link(&format!("https://{covered}")), "</a>"),
        _ => ("<span class=\"mark\">", "</span>"),
    };
    (open.to_owned(), close)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn markdown_is_dressed_and_foreign_html_is_only_shown() {
        for (source, expected) in [
            ("**a** ~~b~~", "<p><strong>a</strong> <del>b</del></p>\n"),
            ("<script>x</script>", "&lt;script&gt;x&lt;/script&gt;"),
            (
                "a <img src=x onerror=y>",
                "<p>a &lt;img src=x onerror=y&gt;</p>\n",
            ),
            ("<b onclick=x>a", "<p>&lt;b onclick=x&gt;a</p>\n"),
            ("<u>a", "<p><u>a</p>\n</u>"),
            ("a</u></div>", "<p>a&lt;/u&gt;&lt;/div&gt;</p>\n"),
            (
                "<tg-thinking>Hm</tg-thinking>",
                "<p><span class=\"thinking\">Hm</span></p>\n",
            ),
            (
                "[x](javascript:alert(1))",
                "<p><a class=\"dead\">x</a></p>\n",
            ),
            (
                "![x](https://a.example/b.png)",
                "<p><span class=\"picture\">x</span></p>\n",
            ),
            (
                "|a|\n|-:|\n",
                "<table><thead><tr><th>a</th></tr></thead><tbody>\n</tbody></table>\n",
            ),
            (
                "[x](https://a.example/?a&\"b)",
                "<p><a target=\"_blank\" rel=\"noopener noreferrer\" href=\"https://a.example/?a&amp;&quot;b\">x</a></p>\n",
            ),
        ] {
            assert_eq!(markdown(source).into_string(), expected, "{source}");
        }
    }

    #[test]
    fn entities_count_in_utf16_and_may_nest_overlap_and_run_over_the_end() {
        let entity = |kind: &str, offset: u32, length: u32| json!({"type": kind, "offset": offset, "length": length});
        for (text, spans, expected) in [
            ("😀ab", vec![entity("bold", 2, 1)], "😀<b>a</b>b"),
            (
                "abc",
                vec![entity("italic", 1, 1), entity("bold", 0, 3)],
                "<b>a<i>b</i>c</b>",
            ),
            (
                "abcd",
                vec![entity("bold", 0, 3), entity("italic", 2, 2)],
                "<b>ab<i>cd</i></b>",
            ),
            ("ab", vec![entity("code", 1, 99)], "a<code>b</code>"),
            ("a<b>", vec![], "a&lt;b&gt;"),
            (
                "x",
                vec![json!({"type": "pre", "offset": 0, "length": 1, "language": "\"rs"})],
                "<pre><code data-language=\"&quot;rs\">x</code></pre>",
            ),
        ] {
            assert_eq!(entities(text, &spans).into_string(), expected);
        }
    }
}
