//! What stands inside a line of a classic message: text, styles, links, code.

use super::super::document::{Attrs, STYLES, Style};
use super::super::latex;
use super::super::marks::{self, Mark};
use super::super::tags::{Effect, Role};
use super::{OpenLink, Writer};

/// The schemes that Telegram opens from a text link.
const SCHEMES: [&str; 4] = ["http://", "https://", "tg://", "mailto:"];

/// The longest address that is made a link.
const URL_MAX: usize = 2048;

impl Writer<'_> {
    pub(super) fn text(&mut self, number: usize, text: &str) {
        if let Some((_, code)) = &mut self.code {
            code.push_str(text);
            return;
        }
        let mut from = 0;
        for place in self.places(number) {
            self.write(&text[from..place.at]);
            let style = match place.mark {
                Mark::Spoiler => Style::Spoiler,
                Mark::Highlight => Style::Bold,
            };
            self.style(style, place.opens);
            from = place.at + marks::LEN;
        }
        self.write(&text[from..]);
    }

    /// The marks in a text event.
    fn places(&self, number: usize) -> Vec<marks::Place> {
        let from = self.marks.partition_point(|place| place.event < number);
        let found = self.marks[from..].iter();
        found
            .take_while(|place| place.event == number)
            .copied()
            .collect()
    }

    /// A text event without its marks.
    pub(super) fn unmarked(&self, number: usize, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        for place in self.places(number) {
            out.push_str(&text[from..place.at]);
            from = place.at + marks::LEN;
        }
        out.push_str(&text[from..]);
        out
    }

    /// What the tag of this event is for, if it is obeyed.
    pub(super) fn role(&self, number: usize) -> Option<&Role> {
        let at = self.roles.binary_search_by_key(&number, |role| role.0);
        at.ok().map(|at| &self.roles[at].1)
    }

    pub(super) fn tag(&mut self, number: usize, html: &str) {
        let (effect, on) = match self.role(number) {
            None => return self.write(html),
            Some(Role::Break) => return self.line_break(),
            Some(Role::Opens(effect)) => (effect.clone(), true),
            Some(Role::Closes(effect)) => (effect.clone(), false),
        };
        match effect {
            Effect::Bold | Effect::Mark => self.style(Style::Bold, on),
            Effect::Italic => self.style(Style::Italic, on),
            Effect::Underline => self.style(Style::Underline, on),
            Effect::Strikethrough => self.style(Style::Strikethrough, on),
            Effect::Spoiler => self.style(Style::Spoiler, on),
            Effect::Lowered => self.script = on.then_some(false),
            Effect::Raised => self.script = on.then_some(true),
            Effect::Code => self.mono = if on { self.doc.add_code() } else { 0 },
            Effect::Link(url) if on => self.start_link(&url, false),
            Effect::Link(_) => self.end_link(),
            Effect::Nothing => {}
        }
    }

    pub(super) fn code_span(&mut self, text: &str) {
        let hidden = self.styles[Style::Spoiler as usize] > 0;
        if hidden || self.link != 0 {
            // Monospace would end the spoiler or the link.
            self.write(text);
            return;
        }
        self.open_line();
        let mono = self.doc.add_code();
        let attrs = Attrs {
            mono,
            quote: self.quote,
            ..Attrs::default()
        };
        self.doc.push(text, attrs);
    }

    pub(super) fn line_break(&mut self) {
        // Not through a gap: the break belongs to what is bold or linked.
        self.open_line();
        let attrs = self.attrs();
        self.doc.push("\n", attrs);
        self.write_prefixes(attrs);
    }

    pub(super) fn start_link(&mut self, url: &str, is_image: bool) {
        self.open_line();
        let address = link_address(url);
        let number = match address {
            Some(address) if self.link == 0 => self.doc.add_link(address),
            _ => 0,
        };
        self.link = if self.link == 0 { number } else { self.link };
        self.links.push(OpenLink {
            number,
            url: url.to_owned(),
            text_from: self.doc.text().len(),
            is_image,
        });
    }

    pub(super) fn end_link(&mut self) {
        let Some(link) = self.links.last() else {
            return;
        };
        let url = link.url.clone();
        let shown = self.doc.text().get(link.text_from..).unwrap_or_default();
        let has_text = !shown.trim().is_empty();
        let repeats = shown.trim() == url || url == format!("mailto:{}", shown.trim());
        if link.number != 0 {
            if !has_text {
                self.write(&url);
            }
            self.links.pop();
            self.link = 0;
            return;
        }
        // The picture of a link that is shown anyway says nothing more.
        let inside = link.is_image && self.link != 0;
        self.links.pop();
        if url.is_empty() || (has_text && (repeats || inside)) {
            return;
        }
        if has_text {
            self.write(&format!(" ({url})"));
        } else {
            self.write(&url);
        }
    }

    pub(super) fn style(&mut self, style: Style, on: bool) {
        let depth = &mut self.styles[style as usize];
        *depth = if on {
            *depth + 1
        } else {
            depth.saturating_sub(1)
        };
    }

    pub(super) fn attrs(&self) -> Attrs {
        let mut styles = 0;
        for style in STYLES {
            if self.styles[style as usize] > 0 {
                styles |= 1 << style as u8;
            }
        }
        Attrs {
            styles,
            link: self.link,
            mono: self.mono,
            quote: self.quote,
        }
    }

    /// Writes text that may hold line breaks.
    pub(super) fn write(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.open_line();
        self.after_footnote = false;
        let attrs = self.attrs();
        if let Some(raised) = self.script
            && let Some(signs) = latex::script(text, raised)
        {
            self.doc.push(&signs, attrs);
            self.after_heading = false;
            return;
        }
        let mut lines = text.split('\n');
        if let Some(first) = lines.next() {
            self.doc.push(first, attrs);
        }
        for line in lines {
            self.doc.push("\n", attrs);
            self.write_prefixes(attrs);
            self.doc.push(line, attrs);
        }
        self.after_heading = false;
    }
}

/// How a reference to a footnote is shown.
pub(super) fn reference(label: &str) -> String {
    format!("[{label}]")
}

/// The address as Telegram takes it, if it opens such addresses at all.
fn link_address(url: &str) -> Option<String> {
    let lower: String = url.chars().take(8).collect::<String>().to_ascii_lowercase();
    let scheme = SCHEMES.iter().find(|scheme| lower.starts_with(**scheme))?;
    if url.len() > URL_MAX || url.len() <= scheme.len() {
        return None;
    }
    let mut address = String::with_capacity(url.len());
    for c in url.chars() {
        match c {
            ' ' => address.push_str("%20"),
            c if c.is_control() || c.is_whitespace() => return None,
            c => address.push(c),
        }
    }
    Some(address)
}
