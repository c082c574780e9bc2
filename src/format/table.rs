//! A table as aligned monospaced lines.
//!
//! Widths are columns on the screen, so that Chinese and emoji line up. A
//! column is padded up to a bound only: one long cell must not blow up every
//! row.

use pulldown_cmark::Alignment;
use unicode_width::UnicodeWidthStr;

/// The widest column that is still padded, in screen columns.
const PAD_MAX: usize = 40;

/// A table as it is read.
#[derive(Debug, Default)]
pub(super) struct Table {
    alignments: Vec<Alignment>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(alignments: Vec<Alignment>) -> Self {
        Self {
            alignments,
            rows: Vec::new(),
        }
    }

    pub(super) fn start_row(&mut self) {
        self.rows.push(Vec::new());
    }

    pub(super) fn start_cell(&mut self) {
        if let Some(row) = self.rows.last_mut() {
            row.push(String::new());
        }
    }

    /// Adds text to the current cell; a line break becomes a space.
    pub(super) fn push(&mut self, text: &str) {
        if let Some(cell) = self.rows.last_mut().and_then(|row| row.last_mut()) {
            cell.extend(text.chars().map(|c| if c.is_control() { ' ' } else { c }));
        }
    }

    /// The lines of the table, with a rule below its head.
    pub(super) fn lines(mut self) -> String {
        for row in &mut self.rows {
            for cell in row.iter_mut() {
                *cell = cell.trim().to_owned();
            }
            // The parser fills short rows up; ten thousand empty cells align nothing.
            while row.last().is_some_and(String::is_empty) {
                row.pop();
            }
        }
        let widths = self.widths();
        let mut lines = Vec::with_capacity(self.rows.len() + 1);
        for (number, row) in self.rows.iter().enumerate() {
            lines.push(self.line(row, &widths));
            if number == 0 && self.rows.len() > 1 {
                let rule: Vec<String> = widths.iter().map(|w| "─".repeat(*w)).collect();
                lines.push(rule.join("─┼─"));
            }
        }
        lines.join("\n")
    }

    /// How wide each column is, in screen columns.
    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = Vec::new();
        for row in &self.rows {
            widths.resize(widths.len().max(row.len()), 1);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width().min(PAD_MAX));
            }
        }
        widths
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .enumerate()
            .map(|(column, (cell, width))| {
                let space = width.saturating_sub(cell.width());
                let left = match self.alignments.get(column) {
                    Some(Alignment::Right) => space,
                    Some(Alignment::Center) => space / 2,
                    _ => 0,
                };
                format!("{}{cell}{}", " ".repeat(left), " ".repeat(space - left))
            })
            .collect();
        cells.join(" │ ").trim_end().to_owned()
    }
}
