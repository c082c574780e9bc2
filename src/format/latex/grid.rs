//! Text in rows: where a matrix stands among the words of its formula.

use unicode_width::UnicodeWidthStr;

/// Rows of text, one of which the rest of the formula continues.
#[derive(Debug, Default)]
pub(super) struct Grid {
    rows: Vec<String>,
    base: usize,
}

impl Grid {
    /// The row that the formula's words stand on.
    pub(super) fn base(&mut self) -> &mut String {
        if self.rows.is_empty() {
            self.rows.push(String::new());
        }
        let base = self.base.min(self.rows.len() - 1);
        &mut self.rows[base]
    }

    /// Puts rows beside what is there, their middle on the base row.
    pub(super) fn beside(&mut self, rows: &[String]) {
        let middle = rows.len().saturating_sub(1) / 2;
        self.base();
        while self.base < middle {
            self.rows.insert(0, String::new());
            self.base += 1;
        }
        let top = self.base - middle;
        while self.rows.len() < top + rows.len() {
            self.rows.push(String::new());
        }
        let width = self.rows.iter().map(|row| row.width()).max().unwrap_or(0);
        for (row, added) in self.rows[top..].iter_mut().zip(rows) {
            let missing = width.saturating_sub(row.width());
            row.extend(std::iter::repeat_n(' ', missing));
            row.push_str(added);
        }
    }

    /// The rows, without spaces at their ends.
    pub(super) fn finish(self) -> Vec<String> {
        self.rows
            .into_iter()
            .map(|row| row.trim_end().to_owned())
            .collect()
    }
}

/// The rows of a matrix between its brackets.
pub(super) fn matrix(cells: &[Vec<String>], kind: &str) -> Vec<String> {
    let columns = cells.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let width = |row: &Vec<String>| row.get(column).map_or(0, |cell| cell.width());
            cells.iter().map(width).max().unwrap_or(0)
        })
        .collect();
    let last = cells.len().saturating_sub(1);
    cells
        .iter()
        .enumerate()
        .map(|(number, row)| {
            let mut line = String::new();
            for (column, width) in widths.iter().enumerate() {
                let cell = row.get(column).map_or("", String::as_str);
                if column > 0 {
                    line.push_str("  ");
                }
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.width())));
            }
            let (open, close) = brackets(kind, number, last);
            format!("{open} {line} {close}").trim_end().to_owned()
        })
        .collect()
}

/// A matrix within a line: its rows behind semicolons.
pub(super) fn flat_matrix(cells: &[Vec<String>], kind: &str) -> String {
    let rows: Vec<String> = cells.iter().map(|row| row.join(", ")).collect();
    let (open, close) = match kind {
        "pmatrix" => ("(", ")"),
        "vmatrix" => ("|", "|"),
        "Vmatrix" => ("‖", "‖"),
        "cases" => ("{ ", ""),
        _ => ("[", "]"),
    };
    format!("{open}{}{close}", rows.join("; "))
}

fn brackets(kind: &str, row: usize, last: usize) -> (&'static str, &'static str) {
    let pick = |of: [&'static str; 4]| match (row, last) {
        (_, 0) => of[0],
        (0, _) => of[1],
        (row, last) if row == last => of[3],
        _ => of[2],
    };
    match kind {
        "pmatrix" => (pick(["(", "⎛", "⎜", "⎝"]), pick([")", "⎞", "⎟", "⎠"])),
        "vmatrix" => ("│", "│"),
        "Vmatrix" => ("‖", "‖"),
        "Bmatrix" => (pick(["{", "⎧", "⎨", "⎩"]), pick(["}", "⎫", "⎬", "⎭"])),
        "cases" => {
            let open = match (row, last) {
                (_, 0) => "{",
                (0, _) => "⎧",
                (row, last) if row == last => "⎩",
                (row, last) if row == last / 2 && last >= 2 => "⎨",
                _ => "⎪",
            };
            (open, "")
        }
        "matrix" | "array" | "smallmatrix" => ("", ""),
        _ => (pick(["[", "⎡", "⎢", "⎣"]), pick(["]", "⎤", "⎥", "⎦"])),
    }
}
