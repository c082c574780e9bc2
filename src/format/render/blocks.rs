//! Blocks of a classic message: quotations, items, code, tables.

use pulldown_cmark::CodeBlockKind;

use super::super::document::Attrs;
use super::{Line, Writer};

impl Writer<'_> {
    pub(super) fn start_quote(&mut self) {
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

    pub(super) fn end_quote(&mut self) {
        self.quotes = self.quotes.saturating_sub(1);
        self.close_container();
        if self.quotes == 0 {
            self.quote = 0;
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
            _ => "• ".to_owned(),
        };
        let prefix = " ".repeat(marker.chars().count());
        self.container(marker, &prefix);
    }

    /// A box instead of the bullet, or after the number.
    pub(super) fn task(&mut self, done: bool) {
        let tick = if done { "☑ " } else { "☐ " };
        match self.containers.last_mut().and_then(|c| c.marker.as_mut()) {
            Some(marker) if marker == "• " => *marker = tick.to_owned(),
            Some(marker) => marker.push_str(tick),
            None => self.write(tick),
        }
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

    pub(super) fn formula(&mut self, text: &str) {
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
    pub(super) fn literal_block(&mut self, lines: &[String]) {
        for line in lines {
            self.gap(1);
            self.write(line);
            self.gap(2);
        }
    }

    pub(super) fn extra_cells(&mut self, lost: &[String]) {
        let Some(table) = &mut self.table else { return };
        for cell in lost.iter().flat_map(|line| line.split('|')) {
            if !cell.trim().is_empty() {
                table.start_cell();
                table.push(cell);
            }
        }
    }
}
