//! The commands of a formula.

use super::super::grid::{self, Grid};
use super::super::shape::{Place, apart, chemistry, touch, wrapped};
use super::super::symbols::{self, Sign};
use super::super::{Layout, script};
use super::{DEPTH_MAX, Reader, Until};

/// A matrix beyond this stands in a line rather than in rows.
const CELLS_MAX: usize = 144;

/// Names that take limits like a sum.
const LIMITS: [&str; 5] = ["lim", "max", "min", "sup", "inf"];

impl Reader<'_> {
    pub(super) fn command(&mut self, out: &mut Grid) {
        let body = &self.rest[1..];
        let letters = body
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(body.len());
        if letters == 0 {
            self.control_sign(out.base());
            return;
        }
        let name = &body[..letters];
        self.rest = &body[letters..];
        if let Some(sign) = symbols::sign(name) {
            self.sign(sign, out.base());
            return;
        }
        if let Some(mark) = symbols::accent(name) {
            let inner = self.argument();
            let mut letters = inner.chars();
            let one =
                letters.next().is_some() && letters.all(|c| ('\u{300}'..'\u{370}').contains(&c));
            let text = match (one, name) {
                (true, _) => format!("{inner}{mark}"),
                (false, "overline" | "bar" | "underline") if inner.chars().count() <= 3 => {
                    inner.chars().flat_map(|c| [c, mark]).collect()
                }
                _ => inner,
            };
            touch(out.base(), &text);
            return;
        }
        self.structure(name, out);
    }

    /// A backslash before something that is no letter.
    fn control_sign(&mut self, out: &mut String) {
        let Some(c) = self.rest.chars().nth(1) else {
            out.push('\\');
            self.rest = "";
            return;
        };
        self.rest = &self.rest[1 + c.len_utf8()..];
        match c {
            ',' | ';' | ':' | ' ' | '>' => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            '!' | '(' | ')' | '[' | ']' => {}
            '|' => out.push('‖'),
            '\\' => out.push(' '),
            c => touch(out, c.encode_utf8(&mut [0; 4])),
        }
    }

    fn sign(&mut self, sign: Sign, out: &mut String) {
        match sign {
            Sign::Plain(text) => touch(out, text),
            Sign::Apart(text) => apart(out, text),
            Sign::Large(text) => {
                if out.ends_with(char::is_alphanumeric) {
                    out.push(' ');
                }
                out.push_str(text);
                self.large = true;
                let next = self.rest.trim_start();
                let limits = ["^", "_", "\\limits", "}"];
                if !next.is_empty() && !limits.iter().any(|limit| next.starts_with(limit)) {
                    out.push(' ');
                }
            }
            Sign::Name(text) => {
                self.large = LIMITS.contains(&text);
                if out.ends_with(|c: char| c.is_alphanumeric() || c == ')') {
                    out.push(' ');
                }
                out.push_str(text);
                // "sin x", but "sin²x" and "sin(x)".
                let next = self.rest.trim_start();
                if !next.starts_with(['^', '_', '(', '{', '}', '[']) && !next.is_empty() {
                    let bracket = ["\\left", "\\big", "\\Big", "\\!"];
                    if !bracket.iter().any(|b| next.starts_with(b)) {
                        out.push(' ');
                    }
                }
            }
        }
        // A command eats the space behind its name, unless it is there to be seen.
        let rest = self.rest.trim_start();
        if rest.len() < self.rest.len()
            && rest.starts_with(['+', '-', '/', '*'])
            && !out.ends_with(' ')
        {
            out.push(' ');
        }
        self.rest = rest;
    }

    fn structure(&mut self, name: &str, out: &mut Grid) {
        match name {
            "frac" | "dfrac" | "tfrac" | "cfrac" => self.fraction(out.base()),
            "binom" | "dbinom" | "tbinom" => {
                let (above, below) = (self.argument(), self.argument());
                touch(out.base(), &format!("C({above}, {below})"));
            }
            "sqrt" => {
                let root = self.option();
                let inner = self.argument();
                let sign = match root.as_deref() {
                    None | Some("" | "2") => "√".to_owned(),
                    Some("3") => "∛".to_owned(),
                    Some("4") => "∜".to_owned(),
                    Some(n) => script(n, true).map_or(format!("({n})√"), |n| n + "√"),
                };
                touch(out.base(), &(sign + &wrapped(&inner, Place::Below)));
            }
            "text" | "textrm" | "textit" | "textbf" | "mbox" | "textsf" | "texttt" | "hbox"
            | "mathrm" | "mathbf" | "mathit" | "mathsf" | "mathtt" | "mathfrak" | "boldsymbol"
            | "bm" | "pmb" | "boxed" | "fbox" | "phantom" | "operatorname" | "mathop"
            | "mathbin" | "mathrel" | "ensuremath" => self.words(name, out),
            "overbrace" | "underbrace" => {
                let inner = self.argument();
                touch(out.base(), &inner);
                if self.eat("_") || self.eat("^") {
                    let note = self.argument();
                    out.base().push_str(&format!("[{note}]"));
                }
            }
            "mathbb" | "mathds" => {
                let text: String = self.argument().chars().map(symbols::blackboard).collect();
                touch(out.base(), &text);
            }
            "mathcal" | "mathscr" => {
                let text: String = self.argument().chars().map(symbols::calligraphic).collect();
                touch(out.base(), &text);
            }
            "left" | "right" | "middle" | "big" | "Big" | "bigg" | "Bigg" | "bigl" | "bigr"
            | "Bigl" | "Bigr" | "biggl" | "biggr" | "Biggl" | "Biggr" => {
                self.rest = self.rest.trim_start();
                self.eat(".");
            }
            "displaystyle" | "textstyle" | "scriptstyle" | "limits" | "nolimits" | "nonumber"
            | "notag" | "hline" | "centering" | "rm" | "bf" | "it" => {
                self.rest = self.rest.trim_start();
            }
            "quad" | "qquad" | "enspace" | "space" | "hfill" => {
                out.base()
                    .push_str(if name == "space" { " " } else { "  " });
                self.rest = self.rest.trim_start();
            }
            "label" | "hspace" | "vspace" | "vphantom" | "hphantom" | "color" => {
                drop(self.argument())
            }
            "textcolor" => {
                drop(self.argument());
                let inner = self.argument();
                touch(out.base(), &inner);
            }
            "tag" => {
                let inner = self.argument();
                out.base().push_str(&format!("  ({inner})"));
            }
            "pmod" => {
                let inner = self.argument();
                apart(out.base(), &format!("(mod {inner})"));
            }
            "not" => {
                let inner = self.argument();
                let base = out.base();
                match inner.as_str() {
                    "=" => apart(base, "≠"),
                    "∈" => apart(base, "∉"),
                    other => apart(base, &format!("{other}\u{338}")),
                }
            }
            "overset" | "stackrel" | "underset" => {
                let (mark, inner) = (self.argument(), self.argument());
                touch(out.base(), &format!("{inner}({mark})"));
            }
            "xrightarrow" | "xleftarrow" => {
                let inner = self.argument();
                let arrow = if name == "xrightarrow" {
                    ("—", "→")
                } else {
                    ("←", "—")
                };
                apart(out.base(), &format!("{}{inner}{}", arrow.0, arrow.1));
            }
            "ce" => {
                let inner = self.raw_group();
                touch(out.base(), &chemistry(&inner));
            }
            "begin" => self.environment(out),
            "end" => drop(self.raw_group()),
            _ => {
                let base = out.base();
                base.push('\\');
                base.push_str(name);
                while self.rest.starts_with('{') && self.depth < DEPTH_MAX {
                    let inner = self.argument();
                    base.push_str(&format!("{{{inner}}}"));
                }
            }
        }
    }

    /// Words within a formula keep their spaces.
    fn words(&mut self, name: &str, out: &mut Grid) {
        let is_text = name.starts_with("text") || matches!(name, "mbox" | "hbox");
        let inner = if is_text {
            self.raw_group()
        } else {
            self.argument()
        };
        let base = out.base();
        if !is_text && name == "operatorname" && base.ends_with(char::is_alphanumeric) {
            base.push(' ');
        }
        base.push_str(&inner.replace("\\ ", " ").replace(['$', '\n'], " "));
        if name == "operatorname" && self.rest.starts_with([' ', '\\']) {
            base.push(' ');
            self.rest = self.rest.trim_start();
        }
    }

    fn fraction(&mut self, out: &mut String) {
        let (above, below) = (self.argument(), self.argument());
        if let Some(sign) = symbols::vulgar(&above, &below) {
            out.push_str(sign);
            return;
        }
        let text = format!(
            "{}/{}",
            wrapped(&above, Place::Above),
            wrapped(&below, Place::Below)
        );
        let follows = self
            .rest
            .starts_with(|c: char| c.is_alphanumeric() || "(\\".contains(c))
            && !["\\\\", "\\,", "\\;", "\\quad", "\\right", "\\end"]
                .iter()
                .any(|end| self.rest.starts_with(end))
            && !self.next_is_apart();
        if follows || out.ends_with(|c: char| c.is_alphanumeric() || c == ')') {
            out.push_str(&format!("({text})"));
        } else {
            touch(out, &text);
        }
    }

    /// Whether a relation or an operator comes next.
    fn next_is_apart(&self) -> bool {
        let Some(body) = self.rest.strip_prefix('\\') else {
            return false;
        };
        let end = body
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(body.len());
        matches!(symbols::sign(&body[..end]), Some(Sign::Apart(_)))
    }

    fn environment(&mut self, out: &mut Grid) {
        let name = self.raw_group();
        let kind = name.trim_end_matches('*');
        if matches!(kind, "array" | "tabular" | "alignedat" | "alignat") {
            drop(self.raw_group());
        }
        let mut rows: Vec<Vec<String>> = vec![Vec::new()];
        let layout = std::mem::replace(&mut self.layout, Layout::Line);
        loop {
            let before = self.rest.len();
            let cell = if self.depth < DEPTH_MAX {
                self.stretch(Until::Cell).finish().join(" ")
            } else {
                let cell = self.rest.to_owned();
                self.rest = "";
                cell
            };
            if let Some(row) = rows.last_mut() {
                row.push(cell.trim().to_owned());
            }
            if self.eat("&") {
                continue;
            }
            if self.eat("\\\\") {
                self.skip_row_gap();
                rows.push(Vec::new());
                continue;
            }
            if self.eat("\\end") {
                drop(self.raw_group());
                break;
            }
            if self.rest.is_empty() || self.rest.len() == before {
                break;
            }
        }
        self.layout = layout;
        rows.retain(|row| row.iter().any(|cell| !cell.is_empty()));
        place_rows(&rows, kind, self.layout, out);
    }
}

/// Puts the rows of an environment into the formula.
fn place_rows(rows: &[Vec<String>], kind: &str, layout: Layout, out: &mut Grid) {
    let is_matrix = kind.ends_with("matrix") || matches!(kind, "cases" | "array");
    let cells: usize = rows.iter().map(Vec::len).sum();
    let in_rows = layout == Layout::Rows && cells <= CELLS_MAX && rows.len() > 1;
    if is_matrix && in_rows {
        out.beside(&grid::matrix(rows, kind));
    } else if is_matrix {
        touch(out.base(), &grid::flat_matrix(rows, kind));
    } else if in_rows {
        let lines: Vec<String> = rows
            .iter()
            .map(|row| row.join(" ").trim().to_owned())
            .collect();
        out.beside(&lines);
    } else {
        let lines: Vec<String> = rows.iter().map(|row| row.join(" ")).collect();
        touch(out.base(), lines.join("; ").trim());
    }
}
