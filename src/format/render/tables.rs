//! Tables of a classic message: read whole, then set in columns if a phone can
//! show them, else as a list with an entry for each row.

use std::ops::Range;

use pulldown_cmark::{Alignment, Event, Tag, TagEnd};

use super::super::document::Style;
use super::super::latex;
use super::super::table::Table;
use super::super::tags::Role;
use super::{Writer, inline};
use crate::domain::direction;

/// A table that is being read.
pub(super) struct Pending<'a> {
    alignments: Vec<Alignment>,
    rows: Vec<Vec<Cell<'a>>>,
}

/// What stands in a cell, with the numbers of the events.
#[derive(Default)]
struct Cell<'a> {
    events: Vec<(usize, Event<'a>)>,
}

impl<'a> Pending<'a> {
    pub(super) fn new(alignments: Vec<Alignment>) -> Self {
        Self {
            alignments,
            rows: Vec::new(),
        }
    }

    /// Takes what stands in the table.
    fn take(&mut self, number: usize, event: Event<'a>) {
        match event {
            Event::Start(Tag::TableHead | Tag::TableRow) => self.rows.push(Vec::new()),
            Event::Start(Tag::TableCell) => {
                if let Some(row) = self.rows.last_mut() {
                    row.push(Cell::default());
                }
            }
            Event::End(TagEnd::TableHead | TagEnd::TableRow | TagEnd::TableCell) => {}
            other => {
                if let Some(cell) = self.rows.last_mut().and_then(|row| row.last_mut()) {
                    cell.events.push((number, other));
                }
            }
        }
    }

    /// Adds the cells beyond the head, which the parser drops.
    fn extra(&mut self, lost: &[String]) {
        let Some(row) = self.rows.last_mut() else {
            return;
        };
        for cell in lost.iter().flat_map(|line| line.split('|')) {
            if !cell.trim().is_empty() {
                let text = Event::Text(cell.trim().to_owned().into());
                row.push(Cell {
                    events: vec![(usize::MAX, text)],
                });
            }
        }
    }
}

impl<'a> Writer<'a> {
    /// Reads on in a table; the event again if none is being read or it ends.
    pub(super) fn in_table(
        &mut self,
        number: usize,
        event: Event<'a>,
        range: &Range<usize>,
    ) -> Option<Event<'a>> {
        let mut table = self.table.take()?;
        if let Some(lost) = self.gaps.before(&event, range) {
            table.extra(&lost);
        }
        if matches!(event, Event::End(TagEnd::Table)) {
            self.table(table);
            return None;
        }
        table.take(number, event);
        self.table = Some(table);
        None
    }

    fn table(&mut self, mut table: Pending<'a>) {
        let mut texts: Vec<Vec<String>> = Vec::with_capacity(table.rows.len());
        let mut has_links = false;
        for row in &mut table.rows {
            let mut cells = Vec::with_capacity(row.len());
            for cell in row.iter() {
                cells.push(self.plain_cell(cell, &mut has_links));
            }
            // The parser fills short rows up; ten thousand empty cells align nothing.
            while cells.last().is_some_and(String::is_empty) {
                cells.pop();
            }
            row.truncate(cells.len());
            texts.push(cells);
        }
        let plain = Table::new(std::mem::take(&mut table.alignments), texts.clone());
        // Columns of letters that run both ways do not line up.
        let mixed = texts.iter().flatten().any(|cell| direction::has_rtl(cell));
        let lines = if has_links || mixed {
            None
        } else {
            plain.lines()
        };
        match lines {
            Some(lines) => self.table_block(&lines),
            None => self.entries(table.rows, &texts),
        }
    }

    /// One entry for each row: its first cell in bold, the others behind the
    /// names of their columns; of two columns, one line.
    fn entries(&mut self, rows: Vec<Vec<Cell<'a>>>, texts: &[Vec<String>]) {
        let head = texts.first().cloned().unwrap_or_default();
        let width = texts.iter().map(Vec::len).max().unwrap_or(0);
        let in_lines = width <= 2;
        let lone_head = rows.len() == 1;
        // A bare number says nothing without its column's name.
        let named = texts.iter().skip(1).any(|row| {
            let first = row.first().map_or("", String::as_str);
            !first.is_empty() && !first.chars().any(char::is_alphabetic)
        });
        if in_lines && !lone_head && head.iter().any(|name| !name.is_empty()) {
            self.gap(2);
            self.style(Style::Italic, true);
            let names: Vec<&str> = head
                .iter()
                .filter(|n| !n.is_empty())
                .map(String::as_str)
                .collect();
            self.write(&names.join(" — "));
            self.style(Style::Italic, false);
        }
        for (number, row) in rows.into_iter().enumerate() {
            if number == 0 && !lone_head {
                continue;
            }
            self.gap(if in_lines { 1 } else { 2 });
            if in_lines {
                self.container(self.mark() + "• ", "    ");
            }
            let mut begun = false;
            for (column, cell) in row.into_iter().enumerate() {
                let text = texts[number].get(column).map_or("", String::as_str);
                if text.is_empty() {
                    continue;
                }
                match (begun, in_lines) {
                    (true, true) => self.write(" — "),
                    (true, false) => self.line_break(),
                    (false, _) => {}
                }
                begun = true;
                let name = head.get(column).map_or("", String::as_str);
                let is_first = column == 0;
                if is_first {
                    self.style(Style::Bold, true);
                }
                if !name.is_empty() && (named || !is_first) && !lone_head && !in_lines {
                    let colon = if name.ends_with([':', '?', '：']) {
                        " "
                    } else {
                        ": "
                    };
                    self.write(&format!("{name}{colon}"));
                }
                for (number, event) in cell.events {
                    self.inside(number, event);
                }
                if is_first {
                    self.style(Style::Bold, false);
                }
            }
            if in_lines {
                self.close_container();
            }
        }
        self.gap(2);
    }

    /// A cell in one line without markup.
    fn plain_cell(&self, cell: &Cell<'_>, has_links: &mut bool) -> String {
        let mut out = String::new();
        for (number, event) in &cell.events {
            match event {
                Event::Text(text) => out.push_str(&self.unmarked(*number, text)),
                Event::Code(text) => out.push_str(text),
                Event::InlineMath(text) | Event::DisplayMath(text) => {
                    out.push_str(&latex::inline(text));
                }
                Event::FootnoteReference(label) => out.push_str(&inline::reference(label)),
                Event::SoftBreak | Event::HardBreak => out.push(' '),
                Event::InlineHtml(html) | Event::Html(html) => match self.role(*number) {
                    Some(Role::Break) => out.push(' '),
                    Some(_) => {}
                    None => out.push_str(html),
                },
                Event::Start(Tag::Link { .. } | Tag::Image { .. }) => *has_links = true,
                _ => {}
            }
        }
        let clean = |c: char| if c.is_control() { ' ' } else { c };
        out.chars().map(clean).collect::<String>().trim().to_owned()
    }
}
