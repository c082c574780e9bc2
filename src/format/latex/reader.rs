//! Reads a formula from left to right.

mod commands;

use super::grid::Grid;
use super::shape::{Place, apart, skip_char, touch, wrapped};
use super::{Layout, script};

/// Groups deeper than this are shown as they were written.
const DEPTH_MAX: usize = 24;

/// What ends the stretch that is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    End,
    Brace,
    Bracket,
    /// The end of a cell of an environment.
    Cell,
}

pub(super) struct Reader<'a> {
    rest: &'a str,
    layout: Layout,
    depth: usize,
    /// The last thing written was a sign that takes limits.
    large: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a str, layout: Layout) -> Self {
        Self {
            rest: source.trim(),
            layout,
            depth: 0,
            large: false,
        }
    }

    /// The formula line by line.
    pub(super) fn lines(mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while !self.rest.is_empty() {
            lines.extend(self.stretch(Until::End).finish());
            // What a stray mark stopped is passed over.
            if !self.eat("\\\\") && !self.rest.is_empty() {
                self.rest = skip_char(self.rest);
            }
            self.skip_row_gap();
        }
        if self.layout == Layout::Rows {
            // A matrix keeps its indentation, a lone line has none.
            if lines.len() == 1 {
                lines[0] = lines[0].trim().to_owned();
            }
            lines
        } else {
            let tight = |line: &String| line.split_whitespace().collect::<Vec<_>>().join(" ");
            lines.iter().map(tight).collect()
        }
    }

    /// Reads up to an end, which is left unread.
    fn stretch(&mut self, until: Until) -> Grid {
        let mut out = Grid::default();
        self.depth += 1;
        while let Some(c) = self.rest.chars().next() {
            let large = std::mem::take(&mut self.large);
            match c {
                '}' if until == Until::Brace => break,
                ']' if until == Until::Bracket => break,
                '&' if until == Until::Cell => break,
                '\\' if self.rest.starts_with("\\\\") && until != Until::Brace => break,
                '\\' if until == Until::Cell && self.rest.starts_with("\\end{") => break,
                '\\' => self.command(&mut out),
                '{' => {
                    let inner = self.argument();
                    touch(out.base(), &inner);
                }
                '^' | '_' => self.script(large, &mut out),
                '}' | '&' => self.rest = skip_char(self.rest),
                _ => self.plain(c, out.base()),
            }
        }
        self.depth -= 1;
        out
    }

    fn plain(&mut self, c: char, out: &mut String) {
        self.rest = skip_char(self.rest);
        match c {
            c if c.is_whitespace() || c == '~' => {
                if !out.ends_with(' ') && !out.is_empty() {
                    out.push(' ');
                }
            }
            '-' => out.push('−'),
            '\'' if out.ends_with('′') => {
                out.pop();
                out.push('″');
            }
            '\'' => out.push('′'),
            '=' | '<' | '>' => {
                // ":=" and "<=" stay whole.
                if out.ends_with([':', '<', '>', '=', '!']) {
                    out.push(c);
                } else {
                    apart(out, c.encode_utf8(&mut [0; 4]));
                    if self.rest.starts_with(['=', '>']) {
                        out.pop();
                    }
                }
            }
            c => touch(out, c.encode_utf8(&mut [0; 4])),
        }
    }

    /// One argument: a group, a command or a single character.
    fn argument(&mut self) -> String {
        self.rest = self.rest.trim_start();
        if self.depth >= DEPTH_MAX {
            return self.raw_group();
        }
        match self.rest.chars().next() {
            None => String::new(),
            Some('{') => {
                self.rest = skip_char(self.rest);
                let layout = std::mem::replace(&mut self.layout, Layout::Line);
                let inner = self.stretch(Until::Brace);
                self.layout = layout;
                self.eat("}");
                let inner = inner.finish().join(" ");
                inner.trim().to_owned()
            }
            Some('\\') => {
                let mut out = Grid::default();
                let layout = std::mem::replace(&mut self.layout, Layout::Line);
                self.depth += 1;
                self.command(&mut out);
                self.depth -= 1;
                self.layout = layout;
                out.finish().join(" ").trim().to_owned()
            }
            Some(c) => {
                self.rest = skip_char(self.rest);
                if c == '-' {
                    "−".to_owned()
                } else {
                    c.to_string()
                }
            }
        }
    }

    /// A group as it is written, without its braces.
    fn raw_group(&mut self) -> String {
        self.rest = self.rest.trim_start();
        if !self.rest.starts_with('{') {
            let first = self.rest.chars().next();
            self.rest = skip_char(self.rest);
            return first.map(String::from).unwrap_or_default();
        }
        let mut level = 0;
        for (at, c) in self.rest.char_indices() {
            match c {
                '{' => level += 1,
                '}' => level -= 1,
                _ => {}
            }
            if level == 0 {
                let inner = self.rest[1..at].to_owned();
                self.rest = &self.rest[at + 1..];
                return inner;
            }
        }
        let inner = self.rest[1..].to_owned();
        self.rest = "";
        inner
    }

    /// An argument in brackets, if there is one.
    fn option(&mut self) -> Option<String> {
        if !self.rest.starts_with('[') || self.depth >= DEPTH_MAX {
            return None;
        }
        self.rest = skip_char(self.rest);
        let inner = self.stretch(Until::Bracket).finish().join(" ");
        self.eat("]");
        Some(inner.trim().to_owned())
    }

    fn eat(&mut self, mark: &str) -> bool {
        let found = self.rest.strip_prefix(mark);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    /// Passes over the space that `\\[2pt]` asks for.
    fn skip_row_gap(&mut self) {
        self.rest = self.rest.trim_start();
        if let Some(inside) = self.rest.strip_prefix('[')
            && let Some((gap, after)) = inside.split_once(']')
            && gap.len() <= 8
            && gap.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        {
            self.rest = after.trim_start();
        }
    }

    /// An exponent or an index; of a sign that takes limits, its limit.
    fn script(&mut self, large: bool, out: &mut Grid) {
        let raised = self.rest.starts_with('^');
        self.rest = skip_char(self.rest);
        let inner = self.argument();
        let out = out.base();
        while out.ends_with(' ') {
            out.pop();
        }
        let tight: String = inner.split(' ').collect();
        match (raised, inner.as_str()) {
            (_, "") => {}
            (true, "∘") => out.push('°'),
            (true, "⊤") => out.push('ᵀ'),
            (true, "′" | "″" | "†" | "*") => out.push_str(&inner),
            _ => {
                if let Some(sign) = script(&tight, raised) {
                    out.push_str(&sign);
                } else if large && !raised && out.ends_with(char::is_alphabetic) {
                    out.push_str(&format!("({inner})"));
                } else {
                    out.push(if raised { '^' } else { '_' });
                    out.push_str(&wrapped(&inner, Place::Script));
                }
            }
        }
        let more = self.rest.trim_start();
        self.large = large && more.starts_with(['^', '_']);
        // The operand of a sum does not touch its limits.
        if large && !self.large && !more.is_empty() && !more.starts_with(['}', ')', '&']) {
            out.push(' ');
            self.rest = more;
        }
    }
}
