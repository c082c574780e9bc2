//! What a message says, as HTML: Markdown of rich messages, entities of classic
//! ones.
//!
//! Whatever comes in is somebody's text: raw HTML is shown, not obeyed, save a
//! few tags without attributes; links lead to the web or nowhere; pictures are
//! never fetched.

use maud::{Markup, PreEscaped, html};
use pulldown_cmark::{
    Alignment, CodeBlockKind, CowStr, Event, Options, Parser, Tag, TagEnd, TextMergeWithOffset,
};
use serde_json::Value;

use crate::domain::direction;
use crate::format;
use crate::format::marks::{self, Mark};
use crate::playground::bot_api::{Content, Rich};

/// The tags of Telegram's dialect that are obeyed, and what they become.
const TAGS: [(&str, &str, &str); 16] = [
    ("tg-thinking", "<span class=\"thinking\">", "</span>"),
    ("tg-spoiler", SPOILER, "</span>"),
    ("details", "<details>", "</details>"),
    ("details open", "<details open>", "</details>"),
    ("summary", "<summary>", "</summary>"),
    ("b", "<b>", "</b>"),
    ("strong", "<b>", "</b>"),
    ("i", "<i>", "</i>"),
    ("em", "<i>", "</i>"),
    ("u", "<u>", "</u>"),
    ("s", "<s>", "</s>"),
    ("mark", "<mark>", "</mark>"),
    ("code", "<code>", "</code>"),
    ("sub", "<sub>", "</sub>"),
    ("sup", "<sup>", "</sup>"),
    ("br", "<br>", ""),
];

const SPOILER: &str = "<span class=\"spoiler\" tabindex=\"0\">";

/// What a message or a draft says.
pub(super) fn html(content: &Content) -> Markup {
    match &content.rich {
        Some(Rich::Markdown(source)) => {
            let dir = if direction::is_rtl(source) {
                "rtl"
            } else {
                "ltr"
            };
            html! { div.body.rich dir=(dir) { (markdown(source)) } }
        }
        Some(Rich::Html(source)) => html! { div.body { (source) } },
        None => html! { div.body { (entities(&content.text, &content.entities)) } },
    }
}

fn markdown(source: &str) -> Markup {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_MATH;
    let parser = Parser::new_ext(source, options).into_offset_iter();
    let read: Vec<_> = TextMergeWithOffset::new(parser).collect();
    let marks = marks::pairs(&read);
    let mut open: Vec<&'static str> = Vec::new();
    let mut columns = Columns::default();
    let mut events: Vec<Event<'_>> = Vec::with_capacity(read.len());
    for (number, (event, _)) in read.into_iter().enumerate() {
        match event {
            Event::Text(text) => {
                let from = marks.partition_point(|place| place.event < number);
                let places = marks[from..]
                    .iter()
                    .take_while(|place| place.event == number);
                marked(&text, places, &mut events);
            }
            other => events.push(dressed(other, &mut open, &mut columns)),
        }
    }
    let mut out = String::new();
    pulldown_cmark::html::push_html(&mut out, events.into_iter());
    while let Some(name) = open.pop() {
        out.push_str(tag(name).map_or("", |(_, close)| close));
    }
    PreEscaped(out)
}

/// One event, its raw HTML obeyed or shown, its looks without inline styles,
/// which the page's policy forbids.
fn dressed<'a>(event: Event<'a>, open: &mut Vec<&'static str>, columns: &mut Columns) -> Event<'a> {
    match event {
        Event::Html(raw) | Event::InlineHtml(raw) => inline(obey(&raw, open)),
        Event::Start(Tag::Link { dest_url, .. }) => inline(link(&dest_url)),
        Event::End(TagEnd::Link) => inline("</a>".to_owned()),
        Event::Start(Tag::Image { .. }) => inline("<span class=\"picture\">".to_owned()),
        Event::End(TagEnd::Image) => inline("</span>".to_owned()),
        Event::Start(Tag::CodeBlock(kind)) => inline(code_block(&kind)),
        Event::End(TagEnd::CodeBlock) => inline("</code></pre>".to_owned()),
        Event::InlineMath(latex) => {
            let shown = format::formula(&latex).join(" ");
            inline(html! { span.formula { (shown) } }.into_string())
        }
        Event::DisplayMath(latex) => {
            let lines = format::formula(&latex);
            let rows = lines.len() > 1;
            let shown = html! { span.formula.display.rows[rows] { (lines.join("\n")) } };
            inline(shown.into_string())
        }
        Event::Start(Tag::Table(_) | Tag::TableHead | Tag::TableRow | Tag::TableCell)
        | Event::End(TagEnd::Table | TagEnd::TableHead | TagEnd::TableRow | TagEnd::TableCell) => {
            inline(columns.tag(&event))
        }
        Event::TaskListMarker(done) => {
            inline(html! { span.box { (if done { "☑" } else { "☐" }) } " " }.into_string())
        }
        Event::SoftBreak => Event::HardBreak,
        other => other,
    }
}

/// Text with its spoilers and marked words.
fn marked<'a, 'p>(
    text: &str,
    places: impl Iterator<Item = &'p marks::Place>,
    events: &mut Vec<Event<'a>>,
) {
    let mut from = 0;
    for place in places {
        events.push(Event::Text(text[from..place.at].to_owned().into()));
        events.push(inline(
            match (place.mark, place.opens) {
                (Mark::Spoiler, true) => SPOILER,
                (Mark::Spoiler, false) => "</span>",
                (Mark::Highlight, true) => "<mark>",
                (Mark::Highlight, false) => "</mark>",
            }
            .to_owned(),
        ));
        from = place.at + marks::LEN;
    }
    events.push(Event::Text(text[from..].to_owned().into()));
}

/// The columns of the table that is being written.
#[derive(Debug, Default)]
struct Columns {
    alignments: Vec<Alignment>,
    next: usize,
    in_head: bool,
}

impl Columns {
    fn tag(&mut self, event: &Event<'_>) -> String {
        let cell = if self.in_head { "th" } else { "td" };
        match event {
            Event::Start(Tag::Table(alignments)) => {
                self.alignments.clone_from(alignments);
                "<table>".to_owned()
            }
            Event::End(TagEnd::Table) => "</tbody></table>".to_owned(),
            Event::Start(Tag::TableHead) => {
                (self.next, self.in_head) = (0, true);
                "<thead><tr>".to_owned()
            }
            Event::End(TagEnd::TableHead) => {
                self.in_head = false;
                "</tr></thead><tbody>".to_owned()
            }
            Event::Start(Tag::TableRow) => {
                self.next = 0;
                "<tr>".to_owned()
            }
            Event::End(TagEnd::TableRow) => "</tr>".to_owned(),
            Event::Start(_) => {
                let class = match self.alignments.get(self.next) {
                    Some(Alignment::Right) => " class=\"right\"",
                    Some(Alignment::Center) => " class=\"middle\"",
                    _ => "",
                };
                self.next += 1;
                format!("<{cell}{class}>")
            }
            _ => format!("</{cell}>"),
        }
    }
}

fn code_block(kind: &CodeBlockKind<'_>) -> String {
    let language = match kind {
        CodeBlockKind::Fenced(info) => info.split_whitespace().next().unwrap_or_default(),
        CodeBlockKind::Indented => "",
    };
    pre(language)
}

/// The opening of a block of code.
fn pre(language: &str) -> String {
    let mut out = "<pre><code>".to_owned();
    if !language.is_empty() {
        out = "<pre data-language=\"".to_owned();
        escape(language, &mut out);
        out.push_str("\"><code>");
    }
    out
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
            Some((name, html, close)) if !closes => {
                if !close.is_empty() {
                    open.push(name);
                }
                out.push_str(html);
            }
            Some((name, _, html)) if open.last().is_some_and(|last| last.starts_with(name)) => {
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
        let mut after_block = false;
        while let Some((_, close)) = open.pop_if(|(to, _)| *to <= at) {
            out.push_str(close);
            after_block = close.ends_with("pre>") || close.ends_with("blockquote>");
        }
        if after_block && c == '\n' {
            // A block ends its line, as in Telegram's apps.
            at += 1;
            continue;
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
        "blockquote" => ("<blockquote>", "</blockquote>"),
        "expandable_blockquote" => (
            "<blockquote class=\"folds\" tabindex=\"0\">",
            "</blockquote>",
        ),
        "pre" => return (pre(text("language")), "</code></pre>"),
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
                "<table><thead><tr><th class=\"right\">a</th></tr></thead><tbody></tbody></table>",
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
                "<pre data-language=\"&quot;rs\"><code>x</code></pre>",
            ),
        ] {
            assert_eq!(entities(text, &spans).into_string(), expected);
        }
    }
}
