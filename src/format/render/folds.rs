//! Blocks of HTML in a classic message: text that folds, and what is shown as
//! it was written.

use super::super::details::{self, Fold};
use super::super::document::Style;
use super::Writer;

impl Writer<'_> {
    pub(super) fn block_html(&mut self, html: &str) {
        match &mut self.html {
            Some(block) => block.push_str(html),
            None => self.write(html),
        }
    }

    pub(super) fn end_html(&mut self) {
        let block = self.html.take().unwrap_or_default();
        match details::read(&block) {
            Some(Fold::Opens(title)) => self.start_fold(title),
            Some(Fold::Closes) if !self.folds.is_empty() => self.end_fold(),
            _ => {
                self.literal_html(&block);
                self.gap(2);
            }
        }
    }

    /// A title in bold and, below it, a quotation that unfolds.
    fn start_fold(&mut self, title: &str) {
        let title = title.replace("**", "").replace('`', "");
        self.gap(2);
        self.style(Style::Bold, true);
        self.write(&title);
        self.style(Style::Bold, false);
        self.gap(1);
        self.folds.push(self.containers.len());
        self.quotes += 1;
        if self.quotes == 1 {
            self.quote = self.doc.add_quote(true);
            self.prefix_base = self.prefix.len();
        }
        self.container(String::new(), "");
    }

    fn end_fold(&mut self) {
        // Only the innermost container can end.
        if self
            .folds
            .last()
            .is_some_and(|at| at + 1 == self.containers.len())
        {
            self.folds.pop();
            self.end_quote();
        }
    }

    /// Ends the folds that the enclosing block ends with.
    pub(super) fn end_folds(&mut self) {
        while self
            .folds
            .last()
            .is_some_and(|at| at + 1 == self.containers.len())
        {
            self.folds.pop();
            self.end_quote();
        }
    }

    /// A line break and a rule are obeyed, the rest is shown.
    fn literal_html(&mut self, block: &str) {
        for line in block.lines() {
            let tag: String = line.chars().filter(|c| !c.is_whitespace()).collect();
            match tag.to_ascii_lowercase().as_str() {
                "<br>" | "<br/>" => {}
                "<hr>" | "<hr/>" => {
                    self.gap(2);
                    self.write(super::RULE);
                    self.gap(2);
                }
                "" => {}
                _ => {
                    self.write(line.trim_end());
                    self.gap(1);
                }
            }
        }
    }
}
