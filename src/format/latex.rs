//! Formulas in words and signs: LaTeX as a person would type it without LaTeX.
//!
//! Classic messages cannot set formulas, so `\frac{a}{2}` becomes "a/2" and
//! `x_{i}^2` "xᵢ²". What has no sign of its own is left readable, never
//! dropped: `\foo{x}` stays `\foo{x}`.
//!
//! One pass over the source with a bound on nesting; no input panics.

mod grid;
mod reader;
mod shape;
mod symbols;

use self::reader::Reader;

/// A longer formula is shown as it was written: nobody reads it as one line,
/// and the grid of its matrices must stay small.
const SOURCE_MAX: usize = 4000;

/// A formula within a line.
pub(super) fn inline(source: &str) -> String {
    if source.len() > SOURCE_MAX {
        return source.to_owned();
    }
    let lines = Reader::new(source, Layout::Line).lines();
    let line = lines.join(" ");
    if line.trim().is_empty() {
        source.to_owned()
    } else {
        line
    }
}

/// A formula on lines of its own; matrices stand in rows.
pub(super) fn display(source: &str) -> Vec<String> {
    if source.len() > SOURCE_MAX {
        return source.lines().map(str::to_owned).collect();
    }
    let mut lines = Reader::new(source, Layout::Rows).lines();
    lines.retain(|line| !line.trim().is_empty());
    if lines.is_empty() {
        return source.lines().map(str::to_owned).collect();
    }
    lines
}

/// Letters and digits raised or lowered; `None` when one has no such sign.
pub(super) fn script(text: &str, raised: bool) -> Option<String> {
    let sign = if raised {
        symbols::raised
    } else {
        symbols::lowered
    };
    text.chars().map(sign).collect()
}

/// Whether a formula may spread over several lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    Line,
    Rows,
}

#[cfg(test)]
mod tests;
