//! Markdown to a document: what each construct looks like in a classic message.
//!
//! Walks the parser's events once, without recursion, so that no nesting can
//! exhaust the stack. What the parser swallows without an event (a link
//! definition nobody uses, cells beyond the table's head) is shown as it was
//! written.

mod gaps;

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd, TextMergeWithOffset};

use self::gaps::Gaps;
use super::document::{Attrs, Document, Rank, STYLES, Style};
use super::math;
use super::spoiler;
use super::table::Table;

/// A thematic break.
const RULE: &str = "──────────";

/// Lines are indented at most this far: beyond it nesting shows nothing on a
/// phone, and unbounded it would cost the square of its depth.
const INDENT_MAX: usize = 24;

/// The schemes that Telegram opens from a text link.
const SCHEMES: [&str; 4] = ["http://", "https://", "tg://", "mailto:"];

/// The longest address that is made a link.
const URL_MAX: usize = 2048;

/// Renders an answer.
pub(super) fn render(markdown: &str) -> Document {
    let source = math::normalise(markdown);
    let parser = Parser::new_ext(&source, math::options()).into_offset_iter();
    let gaps = Gaps::new(&source, &parser);
    let events: Vec<_> = TextMergeWithOffset::new(parser).collect();
    let mut writer = Writer::new(gaps.note_uses(&events), spoiler::pairs(&events));
    for (number, (event, range)) in events.into_iter().enumerate() {
        writer.event(number, event, range);
    }
    writer.finish()
}

/// What the next written character must begin with.
#[derive(Debug, Clone, Copy)]
enum Line {
    /// This many line breaks and the prefixes of the containers.
    Gap(usize),
    /// Nothing: a line is being written.
    Inside,
}

/// Something that prefixes the lines inside it.
#[derive(Debug)]
struct Container {
    /// Written once, before the first line.
    marker: Option<String>,
    /// Where its part of the prefix of every other line begins.
    prefix_from: usize,
}

/// A link that is open. `number` is 0 when it cannot be a link in Telegram.
struct OpenLink {
    number: u32,
    url: String,
    /// Where its text begins, to compare it with the address.
    text_from: usize,
    is_image: bool,
}

struct Writer<'a> {
    doc: Document,
    gaps: Gaps<'a>,
    /// Marks of spoilers still to come, the next one last.
    spoilers: Vec<spoiler::Place>,
    line: Line,
    containers: Vec<Container>,
    /// The containers from here on have not written their first line yet.
    unopened: usize,
    /// What stands before every line inside the containers. Kept whole, so
    /// that a line does not cost the depth of its nesting.
    prefix: String,
    /// The next number of each open list; `None` for bullets.
    lists: Vec<Option<u64>>,
    /// How often each style is on.
    styles: [usize; 4],
    links: Vec<OpenLink>,
    /// The number of the outermost open link that is one in Telegram.
    link: u32,
    quotes: usize,
    quote: u32,
    table: Option<Table>,
    /// The block of code being read: its language and its text.
    code: Option<(Option<String>, String)>,
    /// The last top-level block was a heading: a message must not end there.
    after_heading: bool,
}

impl<'a> Writer<'a> {
    fn new(gaps: Gaps<'a>, mut spoilers: Vec<spoiler::Place>) -> Self {
        spoilers.reverse();
        Self {
            doc: Document::default(),
            gaps,
            spoilers,
            line: Line::Gap(0),
            containers: Vec::new(),
            unopened: 0,
            prefix: String::new(),
            lists: Vec::new(),
            styles: [0; 4],
            links: Vec::new(),
            link: 0,
            quotes: 0,
            quote: 0,
            table: None,
            code: None,
            after_heading: false,
        }
    }

    fn finish(mut self) -> Document {
        let rest = self.gaps.rest();
        self.literal_block(&rest);
        self.doc
    }

    fn event(&mut self, number: usize, event: Event<'a>, range: Range<usize>) {
        if let Some(lost) = self.gaps.before(&event, &range) {
            if self.table.is_some() {
                self.extra_cells(&lost);
            } else {
                self.literal_block(&lost);
            }
        }
        match event {
            Event::Start(tag) => self.start(tag, &range),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.text(number, &text),
            Event::Code(text) => self.code_span(&text),
            Event::InlineMath(text) => self.code_span(&text),
            Event::DisplayMath(text) => self.formula(&text),
            Event::Html(html) | Event::InlineHtml(html) => self.html(&html),
            Event::FootnoteReference(label) => self.write(&format!("[{label}]")),
            Event::SoftBreak | Event::HardBreak => self.line_break(),
            Event::Rule => {
                self.write(RULE);
                self.gap(2);
            }
            Event::TaskListMarker(done) => self.task(done),
        }
    }

    fn start(&mut self, tag: Tag<'a>, range: &Range<usize>) {
        match tag {
            Tag::Heading { .. } => self.style(Style::Bold, true),
            Tag::Strong => self.style(Style::Bold, true),
            Tag::Emphasis => self.style(Style::Italic, true),
            Tag::Strikethrough => self.style(Style::Strikethrough, true),
            Tag::BlockQuote(_) => self.start_quote(),
            Tag::List(first) => {
                self.gap(1);
                if !self.lists.is_empty() && !self.gaps.blank_line_before(range.start) {
                    // In a loose list, too, a nested one follows its item.
                    self.one_break();
                }
                self.lists.push(first);
            }
            Tag::Item => self.start_item(),
            Tag::FootnoteDefinition(label) => {
                self.gap(2);
                self.container(format!("[{label}] "), "");
            }
            Tag::CodeBlock(kind) => self.start_code(&kind),
            Tag::Table(alignments) => self.table = Some(Table::new(alignments)),
            Tag::TableHead | Tag::TableRow => {
                if let Some(table) = &mut self.table {
                    table.start_row();
                }
            }
            Tag::TableCell => {
                if let Some(table) = &mut self.table {
                    table.start_cell();
                }
            }
            Tag::Link { dest_url, .. } => self.start_link(&dest_url, false),
            Tag::Image { dest_url, .. } => self.start_link(&dest_url, true),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph => self.gap(2),
            TagEnd::Heading(_) => {
                self.style(Style::Bold, false);
                self.gap(2);
                self.after_heading = self.containers.is_empty();
            }
            TagEnd::Strong => self.style(Style::Bold, false),
            TagEnd::Emphasis => self.style(Style::Italic, false),
            TagEnd::Strikethrough => self.style(Style::Strikethrough, false),
            TagEnd::BlockQuote(_) => self.end_quote(),
            TagEnd::List(_) => {
                self.lists.pop();
                self.gap(if self.lists.is_empty() { 2 } else { 1 });
            }
            TagEnd::Item | TagEnd::FootnoteDefinition => {
                if self.starts_item() {
                    self.open_line();
                }
                self.close_container();
                self.gap(1);
            }
            TagEnd::CodeBlock => {
                if let Some((language, text)) = self.code.take() {
                    self.pre(language, &text);
                }
            }
            TagEnd::HtmlBlock => self.gap(2),
            TagEnd::Table => {
                if let Some(table) = self.table.take() {
                    self.pre(None, &table.lines());
                }
            }
            TagEnd::Link | TagEnd::Image => self.end_link(),
            _ => {}
        }
    }

    // ---- blocks

    fn start_quote(&mut self) {
        self.quotes += 1;
        if self.quotes == 1 {
            self.gap(2);
            self.quote = self.doc.add_quote();
            self.container(String::new(), "");
        } else {
            // A quotation in a quotation has no entity of its own.
            self.gap(1);
            self.container(String::new(), "> ");
        }
    }

    fn end_quote(&mut self) {
        self.quotes = self.quotes.saturating_sub(1);
        self.close_container();
        if self.quotes == 0 {
            self.quote = 0;
        }
        self.gap(2);
    }

    fn start_item(&mut self) {
        self.gap(1);
        let marker = match self.lists.last_mut() {
            Some(Some(number)) => {
                let marker = format!("{number}. ");
                *number = number.saturating_add(1);
                marker
            }
            _ => "• ".to_owned(),
        };
        let prefix = " ".repeat(marker.chars().count());
        self.container(marker, &prefix);
    }

    /// A box instead of the bullet, or after the number.
    fn task(&mut self, done: bool) {
        let tick = if done { "☑ " } else { "☐ " };
        match self.containers.last_mut().and_then(|c| c.marker.as_mut()) {
            Some(marker) if marker == "• " => *marker = tick.to_owned(),
            Some(marker) => marker.push_str(tick),
            None => self.write(tick),
        }
    }

    fn start_code(&mut self, kind: &CodeBlockKind<'_>) {
        let info = match kind {
            CodeBlockKind::Fenced(info) => info.trim(),
            CodeBlockKind::Indented => "",
        };
        let is_name = !info.is_empty()
            && info.len() <= 40
            && info
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+#-_.".contains(c));
        // More than a name ("python title=app.py") is shown, for it may be an
        // answer that began on the wrong line.
        if !info.is_empty() && !is_name {
            self.write(info);
            self.gap(1);
        }
        self.code = Some((is_name.then(|| info.to_owned()), String::new()));
    }

    /// Writes a block of monospaced text on lines of its own, not indented.
    fn pre(&mut self, language: Option<String>, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        if self.starts_item() {
            self.open_line();
        }
        self.gap(1);
        if let Line::Gap(breaks) = self.line {
            self.break_lines(breaks);
        }
        self.line = Line::Inside;
        let mono = self.doc.add_pre(language);
        let attrs = Attrs {
            mono,
            quote: self.quote,
            ..Attrs::default()
        };
        self.doc.push(text.trim_end(), attrs);
        self.gap(2);
    }

    fn formula(&mut self, text: &str) {
        if let Some(table) = &mut self.table {
            table.push(text);
        } else if text.trim().contains('\n') {
            self.pre(Some("latex".to_owned()), text.trim_matches('\n'));
            self.gap(1);
        } else {
            self.code_span(text.trim());
        }
    }

    /// Source text that the parser showed in no event.
    fn literal_block(&mut self, lines: &[String]) {
        for line in lines {
            self.gap(1);
            self.write(line);
            self.gap(2);
        }
    }

    fn extra_cells(&mut self, lost: &[String]) {
        let Some(table) = &mut self.table else { return };
        for cell in lost.iter().flat_map(|line| line.split('|')) {
            if !cell.trim().is_empty() {
                table.start_cell();
                table.push(cell);
            }
        }
    }

    // ---- inline

    fn text(&mut self, number: usize, text: &str) {
        if let Some((_, code)) = &mut self.code {
            code.push_str(text);
            return;
        }
        let mut from = 0;
        while let Some((event, at)) = self.spoilers.last().copied() {
            if event != number {
                break;
            }
            self.spoilers.pop();
            self.write(&text[from..at]);
            // The marks come in pairs, so every second one closes.
            let closes = self.spoilers.len().is_multiple_of(2);
            self.style(Style::Spoiler, !closes);
            from = at + spoiler::MARK.len();
        }
        self.write(&text[from..]);
    }

    fn code_span(&mut self, text: &str) {
        if let Some(table) = &mut self.table {
            table.push(text);
            return;
        }
        let hidden = self.styles[Style::Spoiler as usize] > 0;
        if hidden || self.link != 0 {
            // Monospace would end the spoiler or the link.
            self.write(text);
            return;
        }
        self.open_line();
        let mono = self.doc.add_code();
        let attrs = Attrs {
            mono,
            quote: self.quote,
            ..Attrs::default()
        };
        self.doc.push(text, attrs);
    }

    fn html(&mut self, html: &str) {
        let tag: String = html.chars().filter(|c| !c.is_whitespace()).collect();
        if tag.eq_ignore_ascii_case("<br>") || tag.eq_ignore_ascii_case("<br/>") {
            self.line_break();
            return;
        }
        let text = html.trim_end_matches(['\n', '\r']);
        self.write(text);
        if text.len() < html.len() {
            self.gap(1);
        }
    }

    fn line_break(&mut self) {
        if let Some(table) = &mut self.table {
            table.push(" ");
            return;
        }
        // Not through a gap: the break belongs to what is bold or linked.
        self.open_line();
        let attrs = self.attrs();
        self.doc.push("\n", attrs);
        self.write_prefixes(attrs);
    }

    fn start_link(&mut self, url: &str, is_image: bool) {
        self.open_line();
        let address = link_address(url);
        let number = match address {
            Some(address) if self.link == 0 && self.table.is_none() => self.doc.add_link(address),
            _ => 0,
        };
        self.link = if self.link == 0 { number } else { self.link };
        self.links.push(OpenLink {
            number,
            url: url.to_owned(),
            text_from: self.doc.text().len(),
            is_image,
        });
    }

    fn end_link(&mut self) {
        let Some(link) = self.links.last() else {
            return;
        };
        let url = link.url.clone();
        let shown = self.doc.text().get(link.text_from..).unwrap_or_default();
        let has_text = self.table.is_some() || !shown.trim().is_empty();
        let repeats = shown.trim() == url || url == format!("mailto:{}", shown.trim());
        if link.number != 0 {
            if !has_text {
                self.write(&url);
            }
            self.links.pop();
            self.link = 0;
            return;
        }
        // The picture of a link that is shown anyway says nothing more.
        let inside = link.is_image && self.link != 0;
        self.links.pop();
        if url.is_empty() || (has_text && (repeats || inside)) {
            return;
        }
        if has_text {
            self.write(&format!(" ({url})"));
        } else {
            self.write(&url);
        }
    }

    fn style(&mut self, style: Style, on: bool) {
        let depth = &mut self.styles[style as usize];
        *depth = if on {
            *depth + 1
        } else {
            depth.saturating_sub(1)
        };
    }

    fn attrs(&self) -> Attrs {
        let mut styles = 0;
        for style in STYLES {
            if self.styles[style as usize] > 0 {
                styles |= 1 << style as u8;
            }
        }
        Attrs {
            styles,
            link: self.link,
            mono: 0,
            quote: self.quote,
        }
    }

    /// Writes text that may hold line breaks.
    fn write(&mut self, text: &str) {
        if let Some(table) = &mut self.table {
            table.push(text);
            return;
        }
        if text.is_empty() {
            return;
        }
        self.open_line();
        let attrs = self.attrs();
        let mut lines = text.split('\n');
        if let Some(first) = lines.next() {
            self.doc.push(first, attrs);
        }
        for line in lines {
            self.doc.push("\n", attrs);
            self.write_prefixes(attrs);
            self.doc.push(line, attrs);
        }
        self.after_heading = false;
    }

    // ---- lines

    fn container(&mut self, marker: String, prefix: &str) {
        self.containers.push(Container {
            marker: (!marker.is_empty()).then_some(marker),
            prefix_from: self.prefix.len(),
        });
        if self.prefix.len() < INDENT_MAX {
            self.prefix.push_str(prefix);
        }
    }

    fn close_container(&mut self) {
        if let Some(container) = self.containers.pop() {
            self.prefix.truncate(container.prefix_from);
        }
        self.unopened = self.unopened.min(self.containers.len());
    }

    /// Whether the next line is the first of a list item or a footnote.
    fn starts_item(&self) -> bool {
        self.containers[self.unopened..]
            .iter()
            .any(|c| c.marker.is_some())
    }

    /// Asks for at least this many line breaks before the next text.
    fn gap(&mut self, breaks: usize) {
        self.line = match self.line {
            _ if self.doc.is_empty() => Line::Gap(0),
            Line::Gap(before) => Line::Gap(before.max(breaks)),
            Line::Inside => Line::Gap(breaks),
        };
    }

    /// Asks for no more than one line break before the next text.
    fn one_break(&mut self) {
        if let Line::Gap(breaks) = self.line {
            self.line = Line::Gap(breaks.min(1));
        }
    }

    /// Writes the line breaks, prefixes and markers that are due.
    fn open_line(&mut self) {
        if self.table.is_some() {
            return;
        }
        let attrs = Attrs {
            quote: self.quote,
            ..Attrs::default()
        };
        match self.line {
            Line::Gap(breaks) => {
                self.break_lines(breaks);
                self.write_prefixes(attrs);
            }
            Line::Inside => self.write_markers(attrs),
        }
        self.line = Line::Inside;
    }

    /// Writes line breaks between two blocks; they belong to a quotation only
    /// when both blocks do.
    fn break_lines(&mut self, breaks: usize) {
        if breaks == 0 {
            return;
        }
        let same = self.doc.last_attrs().quote == self.quote;
        let attrs = Attrs {
            quote: if same { self.quote } else { 0 },
            ..Attrs::default()
        };
        self.doc.push(&"\n".repeat(breaks), attrs);
        let top = self.containers.is_empty() || (self.quotes == 1 && self.containers.len() == 1);
        let starts_item = self.starts_item();
        if top && breaks > 1 && !self.after_heading {
            self.doc.mark_border(if self.quotes == 0 {
                Rank::Block
            } else {
                Rank::Item
            });
        } else if starts_item || (breaks > 1 && !self.after_heading) {
            self.doc.mark_border(Rank::Item);
        }
        self.after_heading = false;
    }

    fn write_prefixes(&mut self, attrs: Attrs) {
        let opened = self
            .containers
            .get(self.unopened)
            .map_or(self.prefix.len(), |c| c.prefix_from);
        self.doc.push(&self.prefix[..opened], attrs);
        self.write_markers(attrs);
    }

    /// Writes what the containers that open on this line begin with.
    fn write_markers(&mut self, attrs: Attrs) {
        for at in self.unopened..self.containers.len() {
            let container = &mut self.containers[at];
            let from = container.prefix_from;
            if let Some(marker) = container.marker.take() {
                self.doc.push(&marker, attrs);
            } else {
                let to = self
                    .containers
                    .get(at + 1)
                    .map_or(self.prefix.len(), |c| c.prefix_from);
                self.doc.push(&self.prefix[from..to], attrs);
            }
        }
        self.unopened = self.containers.len();
    }
}

/// The address as Telegram takes it, if it opens such addresses at all.
fn link_address(url: &str) -> Option<String> {
    let lower: String = url.chars().take(8).collect::<String>().to_ascii_lowercase();
    let scheme = SCHEMES.iter().find(|scheme| lower.starts_with(**scheme))?;
    if url.len() > URL_MAX || url.len() <= scheme.len() {
        return None;
    }
    let mut address = String::with_capacity(url.len());
    for c in url.chars() {
        match c {
            ' ' => address.push_str("%20"),
            c if c.is_control() || c.is_whitespace() => return None,
            c => address.push(c),
        }
    }
    Some(address)
}
