//! Markdown to a document: what each construct looks like in a classic message.
//!
//! Walks the parser's events once, without recursion, so that no nesting can
//! exhaust the stack. What the parser swallows without an event (a link
//! definition nobody uses, cells beyond the table's head) is shown as it was
//! written.

mod blocks;
mod gaps;
mod inline;
mod lines;

use std::ops::Range;

use pulldown_cmark::{Event, Parser, Tag, TagEnd, TextMergeWithOffset};

use self::gaps::Gaps;
use super::document::{Document, Style};
use super::math;
use super::spoiler;
use super::table::Table;

/// A thematic break.
const RULE: &str = "──────────";

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
}
