//! Lines of a classic message: the gaps between blocks, indentation, markers.

use super::super::document::{Attrs, Rank};
use super::{Container, Line, Writer};

/// Lines are indented at most this far: beyond it nesting shows nothing on a
/// phone, and unbounded it would cost the square of its depth.
const INDENT_MAX: usize = 24;

impl Writer<'_> {
    pub(super) fn container(&mut self, marker: String, prefix: &str) {
        self.containers.push(Container {
            marker: (!marker.is_empty()).then_some(marker),
            prefix_from: self.prefix.len(),
        });
        if self.prefix.len() < INDENT_MAX {
            self.prefix.push_str(prefix);
        }
    }

    pub(super) fn close_container(&mut self) {
        if let Some(container) = self.containers.pop() {
            self.prefix.truncate(container.prefix_from);
        }
        self.unopened = self.unopened.min(self.containers.len());
    }

    /// Whether the next line is the first of a list item or a footnote.
    pub(super) fn starts_item(&self) -> bool {
        self.containers[self.unopened..]
            .iter()
            .any(|c| c.marker.is_some())
    }

    /// Asks for at least this many line breaks before the next text.
    pub(super) fn gap(&mut self, breaks: usize) {
        self.line = match self.line {
            _ if self.doc.is_empty() => Line::Gap(0),
            Line::Gap(before) => Line::Gap(before.max(breaks)),
            Line::Inside => Line::Gap(breaks),
        };
    }

    /// Asks for no more than one line break before the next text.
    pub(super) fn one_break(&mut self) {
        if let Line::Gap(breaks) = self.line {
            self.line = Line::Gap(breaks.min(1));
        }
    }

    /// Writes the line breaks, prefixes and markers that are due.
    pub(super) fn open_line(&mut self) {
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
    pub(super) fn break_lines(&mut self, breaks: usize) {
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

    pub(super) fn write_prefixes(&mut self, attrs: Attrs) {
        let opened = self
            .containers
            .get(self.unopened)
            .map_or(self.prefix.len(), |c| c.prefix_from);
        let base = self.prefix_base.min(opened);
        self.doc.push(&self.prefix[base..opened], attrs);
        self.write_markers(attrs);
    }

    /// Writes what the containers that open on this line begin with.
    pub(super) fn write_markers(&mut self, attrs: Attrs) {
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
                let from = from.max(self.prefix_base).min(to);
                self.doc.push(&self.prefix[from..to], attrs);
            }
        }
        self.unopened = self.containers.len();
    }
}
