//! From lines to few messages: split at lines where that is possible, bounded,
//! and honest about what did not fit. Pure; memory is bounded whatever comes.

use super::note::{PAGE_UNITS, PAGES_MAX};
use crate::format;

/// Left free on every page for the words about what did not fit.
const RESERVE: usize = 40;

/// Lines as they come, as at most [`PAGES_MAX`] messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pages {
    mark: String,
    pages: Vec<String>,
    lines_left: u64,
}

impl Pages {
    /// Empty ones; the first will begin with `mark`.
    #[must_use]
    pub fn new(mark: &str) -> Self {
        Self {
            mark: mark.to_owned(),
            ..Self::default()
        }
    }

    /// Adds a line, as far as there is room for it.
    pub fn push(&mut self, line: &str) {
        if self.lines_left > 0 {
            self.lines_left += 1;
            return;
        }
        let line = readable(line);
        let line = line.trim_end();
        let room = PAGE_UNITS - RESERVE;
        let units = format::utf16_len(line);
        if let Some(last) = self.pages.last_mut() {
            if format::utf16_len(last) + 1 + units <= room {
                last.push('\n');
                last.push_str(line);
                return;
            }
        } else if line.is_empty() {
            return;
        }
        let mark = if self.pages.is_empty() {
            self.mark.as_str()
        } else {
            ""
        };
        let pieces = format::pieces(&format!("{mark}{line}"), room);
        let fit = PAGES_MAX - self.pages.len();
        self.lines_left = u64::from(pieces.len() > fit);
        self.pages.extend(pieces.into_iter().take(fit));
    }

    /// Whether nothing was said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// Lines that did not fit, or not wholly.
    #[must_use]
    pub fn lines_left(&self) -> u64 {
        self.lines_left
    }

    /// The messages.
    #[must_use]
    pub fn into_texts(mut self) -> Vec<String> {
        if let (1.., Some(last)) = (self.lines_left, self.pages.last_mut()) {
            let lines = match self.lines_left {
                1 => "line",
                _ => "lines",
            };
            last.push_str(&format!("\n… {} more {lines}", self.lines_left));
        }
        for page in &mut self.pages {
            page.truncate(page.trim_end().len());
        }
        self.pages
    }
}

/// A line without what a terminal would do with it: colours, bells.
fn readable(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\t' => out.push('\t'),
            // ECMA-48, 5.4: parameters and intermediates, then one final byte.
            '\u{1b}' if rest.peek() == Some(&'[') => {
                rest.next();
                while rest
                    .next_if(|c| ('\u{20}'..='\u{3f}').contains(c))
                    .is_some()
                {}
                rest.next_if(|c| ('\u{40}'..='\u{7e}').contains(c));
            }
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}
