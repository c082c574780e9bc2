//! Blocks of a classic message: quotations, items, code, tables.

use pulldown_cmark::CodeBlockKind;

use super::super::document::Attrs;
use super::super::latex;
use super::{Line, Writer};

/// The bullets of lists in lists.
const BULLETS: [char; 3] = ['•', '◦', '▪'];

/// Bullets do not change any more in lists deeper than this.
const BULLETS_DEEP: usize = 16;

/// The mark that makes a line run from right to left.
const RLM: &str = "\u{200f}";

/// How far each level of a list is indented.
const INDENT: &str = "    ";

impl Writer<'_> {
    pub(super) fn start_quote(&mut self) {
        self.quotes += 1;
        if self.quotes == 1 {
            self.gap(2);
            self.quote = self.doc.add_quote(false);
            // A quotation stands at the margin, also in a list.
            self.prefix_base = self.prefix.len();
            self.container(String::new(), "");
        } else {
            // A quotation in a quotation has no entity of its own.
            self.gap(1);
            self.container(String::new(), "> ");
        }
    }

    pub(super) fn end_quote(&mut self) {
        self.quotes = self.quotes.saturating_sub(1);
        self.close_container();
        if self.quotes == 0 {
            self.quote = 0;
            self.prefix_base = 0;
        }
        self.gap(2);
    }

    pub(super) fn start_item(&mut self) {
        self.gap(1);
        let marker = match self.lists.last_mut() {
            Some(Some(number)) => {
                let marker = format!("{number}. ");
                *number = number.saturating_add(1);
                marker
            }
            _ => format!("{} ", self.bullet()),
        };
        // Spaces are narrow: four of them are about as wide as a marker.
        self.container(self.mark() + &marker, INDENT);
    }

    /// What an item begins with: apps find the direction of each line by its
    /// first letter, which in an answer from right to left may be Latin.
    pub(super) fn mark(&self) -> String {
        if self.rtl {
            RLM.to_owned()
        } else {
            String::new()
        }
    }

    /// A box instead of the bullet, or after the number.
    pub(super) fn task(&mut self, done: bool) {
        let tick = if done { "☑ " } else { "☐ " };
        match self.containers.last_mut().and_then(|c| c.marker.as_mut()) {
            Some(marker) if !marker.contains(|c: char| c.is_ascii_digit()) => {
                let mark = if marker.starts_with(RLM) { RLM } else { "" };
                *marker = format!("{mark}{tick}");
            }
            Some(marker) => marker.push_str(tick),
            None => self.write(tick),
        }
    }

    /// The bullet of the innermost list.
    fn bullet(&self) -> char {
        let outer = self.lists.iter().take(BULLETS_DEEP);
        let depth = outer.filter(|list| list.is_none()).count();
        BULLETS[depth.saturating_sub(1) % BULLETS.len()]
    }

    pub(super) fn start_code(&mut self, kind: &CodeBlockKind<'_>) {
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
    pub(super) fn pre(&mut self, language: Option<String>, text: &str) {
        self.block(language, text, None);
    }

    /// A block whose head every message with a piece of it repeats.
    pub(super) fn table_block(&mut self, text: &str) {
        let head: Vec<&str> = text.lines().take(2).collect();
        self.block(None, text, Some(head.join("\n")));
    }

    fn block(&mut self, language: Option<String>, text: &str, head: Option<String>) {
        if text.trim().is_empty() {
            return;
        }
        if self.starts_item() {
            self.open_line();
        }
        self.gap(1);
        if !self.lists.is_empty() && self.quotes == 0 {
            // A step and its command stay together.
            self.one_break();
        }
        if let Line::Gap(breaks) = self.line {
            self.break_lines(breaks);
        }
        self.line = Line::Inside;
        let mono = self.doc.add_pre(language);
        if let Some(head) = head {
            self.doc.add_head(mono, head);
        }
        let attrs = Attrs {
            mono,
            quote: self.quote,
            ..Attrs::default()
        };
        self.doc.push(text.trim_end(), attrs);
        self.gap(2);
    }

    /// A formula on lines of its own.
    pub(super) fn formula(&mut self, source: &str) {
        let lines = latex::display(source);
        if lines.len() > 1 {
            self.pre(None, &lines.join("\n"));
            self.gap(1);
        } else {
            let line = lines.concat();
            self.code_span(line.trim());
        }
    }

    /// Source text that the parser showed in no event.
    pub(super) fn literal_block(&mut self, lines: &[String]) {
        for line in lines {
            self.gap(1);
            self.write(line);
            self.gap(2);
        }
    }
}
