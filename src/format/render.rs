//! Markdown to a document: what each construct looks like in a classic message.
//!
//! Walks the parser's events once, without recursion, so that no nesting can
//! exhaust the stack. What the parser swallows without an event (a link
//! definition nobody uses, cells beyond the table's head) is shown as it was
//! written.

mod blocks;
mod folds;
mod gaps;
mod inline;
mod lines;
mod tables;

use std::ops::Range;

use pulldown_cmark::{Event, HeadingLevel, Parser, Tag, TagEnd, TextMergeWithOffset};

use self::gaps::Gaps;
use self::tables::Pending;
use super::document::{Document, STYLES, Style};
use super::tags::{self, Role};
use super::{alerts, details, flank, latex, marks, math, tildes};
use crate::domain::direction;

/// A thematic break.
const RULE: &str = "──────────";

/// Renders an answer.
pub(super) fn render(markdown: &str) -> Document {
    let widened = flank::widen(markdown);
    let spelt = alerts::spell(&widened);
    let folded = details::normalise(&spelt);
    let source = math::normalise(&folded);
    let parser = Parser::new_ext(&source, math::options()).into_offset_iter();
    let gaps = Gaps::new(&source, &parser);
    let events = tildes::as_text(&source, TextMergeWithOffset::new(parser));
    let mut writer = Writer::new(gaps.note_uses(&events));
    writer.rtl = direction::is_rtl(markdown);
    writer.marks = marks::pairs(&events);
    writer.roles = tags::roles(&events);
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
    /// The marks that the parser does not know, in order.
    marks: Vec<marks::Place>,
    /// The tags that are obeyed, in order.
    roles: Vec<(usize, Role)>,
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
    styles: [usize; STYLES.len()],
    links: Vec<OpenLink>,
    /// The number of the outermost open link that is one in Telegram.
    link: u32,
    quotes: usize,
    quote: u32,
    table: Option<Pending<'a>>,
    /// Text is lowered (false) or raised (true).
    script: Option<bool>,
    /// The number of the monospace that a pair of tags opened, else 0.
    mono: u32,
    /// How many containers were open where each open fold began.
    folds: Vec<usize>,
    /// The block of HTML being read.
    html: Option<String>,
    /// The block of code being read: its language and its text.
    code: Option<(Option<String>, String)>,
    /// The last top-level block was a heading: a message must not end there.
    after_heading: bool,
    /// The last block was a footnote: the next one follows without a blank line.
    after_footnote: bool,
    /// The answer reads from right to left.
    rtl: bool,
    /// The prefix of the lines in a quotation begins here.
    prefix_base: usize,
}

impl<'a> Writer<'a> {
    fn new(gaps: Gaps<'a>) -> Self {
        Self {
            doc: Document::default(),
            gaps,
            marks: Vec::new(),
            roles: Vec::new(),
            line: Line::Gap(0),
            containers: Vec::new(),
            unopened: 0,
            prefix: String::new(),
            lists: Vec::new(),
            styles: [0; STYLES.len()],
            links: Vec::new(),
            link: 0,
            quotes: 0,
            quote: 0,
            table: None,
            script: None,
            mono: 0,
            folds: Vec::new(),
            html: None,
            code: None,
            after_heading: false,
            after_footnote: false,
            rtl: false,
            prefix_base: 0,
        }
    }

    fn finish(mut self) -> Document {
        let rest = self.gaps.rest();
        self.literal_block(&rest);
        self.doc
    }

    fn event(&mut self, number: usize, event: Event<'a>, range: Range<usize>) {
        if self.table.is_some() {
            self.in_table(number, event, &range);
            return;
        }
        if let Some(lost) = self.gaps.before(&event, &range) {
            self.literal_block(&lost);
        }
        match event {
            Event::Start(tag) => self.start(tag, &range),
            Event::End(tag) => self.end(tag),
            other => self.inside(number, other),
        }
    }

    /// What stands in a block, or in a cell of a table.
    fn inside(&mut self, number: usize, event: Event<'a>) {
        match event {
            Event::Start(tag) => self.start(tag, &(0..0)),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.text(number, &text),
            Event::Code(text) => self.code_span(&text),
            Event::InlineMath(text) => self.write(&latex::inline(&text)),
            Event::DisplayMath(text) => self.formula(&text),
            Event::Html(html) => self.block_html(&html),
            Event::InlineHtml(html) => self.tag(number, &html),
            Event::FootnoteReference(label) => self.write(&inline::reference(&label)),
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
            Tag::Heading { level, .. } => {
                self.style(Style::Bold, true);
                if level >= HeadingLevel::H4 {
                    self.style(Style::Italic, true);
                }
            }
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
                if self.after_footnote {
                    self.one_break();
                }
                self.container(format!("[{label}] "), "");
            }
            Tag::CodeBlock(kind) => self.start_code(&kind),
            Tag::Table(alignments) => self.table = Some(Pending::new(alignments)),
            Tag::HtmlBlock => self.html = Some(String::new()),
            Tag::Link { dest_url, .. } => self.start_link(&dest_url, false),
            Tag::Image { dest_url, .. } => self.start_link(&dest_url, true),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph => self.gap(2),
            TagEnd::Heading(level) => {
                self.style(Style::Bold, false);
                if level >= HeadingLevel::H4 {
                    self.style(Style::Italic, false);
                }
                self.gap(2);
                self.after_heading = self.containers.is_empty();
            }
            TagEnd::Strong => self.style(Style::Bold, false),
            TagEnd::Emphasis => self.style(Style::Italic, false),
            TagEnd::Strikethrough => self.style(Style::Strikethrough, false),
            TagEnd::BlockQuote(_) => {
                self.end_folds();
                self.end_quote();
            }
            TagEnd::List(_) => {
                self.lists.pop();
                self.gap(if self.lists.is_empty() { 2 } else { 1 });
            }
            TagEnd::Item | TagEnd::FootnoteDefinition => {
                self.end_folds();
                if self.starts_item() {
                    self.open_line();
                }
                self.close_container();
                self.gap(1);
                self.after_footnote = matches!(tag, TagEnd::FootnoteDefinition);
            }
            TagEnd::CodeBlock => {
                if let Some((language, text)) = self.code.take() {
                    self.pre(language, &text);
                }
            }
            TagEnd::HtmlBlock => self.end_html(),
            TagEnd::Link | TagEnd::Image => self.end_link(),
            _ => {}
        }
    }
}
