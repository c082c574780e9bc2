//! A table as aligned monospaced lines, for those that a phone can show.
//!
//! Widths are columns on the screen, so that Chinese and emoji line up.

use pulldown_cmark::Alignment;
use unicode_width::UnicodeWidthStr;

/// The widest table that a phone shows without breaking its lines, in screen
/// columns: Telegram's monospace on a small phone has about this many.
const PHONE_COLUMNS: usize = 36;

/// The plain text of a table's cells, the head first.
#[derive(Debug, Default)]
pub(super) struct Table {
    alignments: Vec<Alignment>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(alignments: Vec<Alignment>, rows: Vec<Vec<String>>) -> Self {
        Self { alignments, rows }
    }

    /// The lines of the table, with a rule below its head; `None` when they
    /// are too wide for a phone.
    pub(super) fn lines(self) -> Option<String> {
        let widths = self.widths();
        let total = widths.iter().sum::<usize>() + 3 * widths.len().saturating_sub(1);
        if total > PHONE_COLUMNS {
            return None;
        }
        let mut lines = Vec::with_capacity(self.rows.len() + 1);
        for (number, row) in self.rows.iter().enumerate() {
            lines.push(self.line(row, &widths));
            if number == 0 && self.rows.len() > 1 {
                let rule: Vec<String> = widths.iter().map(|w| "─".repeat(*w)).collect();
                lines.push(rule.join("─┼─"));
            }
        }
        Some(lines.join("\n"))
    }

    /// How wide each column is, in screen columns.
    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = Vec::new();
        for row in &self.rows {
            widths.resize(widths.len().max(row.len()), 1);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
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
