//! `[reply]`: how answers are sent.

use super::kind::{Flag, Int, Many, Named, OneOf, Word};
use super::walk::{Apply, Walk};

/// How answers are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Which formatting is tried first.
    pub format: Format,
    /// An answer of more characters than this is sent as a file; 0 = never.
    pub file_above: u32,
    /// The buttons under an answer, in private chats.
    pub buttons: Vec<Button>,
    /// The same in groups.
    pub group_buttons: Vec<Button>,
    /// What people see of what the model thinks.
    pub reasoning: Reasoning,
    /// Whether a message that has to wait gets a sign that it was seen.
    pub receipt: Receipts,
    /// Under how many message ids a part is looked for that may or may not have
    /// arrived.
    pub probe_range: u32,
    /// What happens to it where that proves nothing.
    pub uncertain: Uncertain,
}

/// Which formatting is tried first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Rich messages (Bot API 10.1), entities where they are refused.
    Rich,
    /// Classic messages with entities.
    Entities,
}

impl Named for Format {
    const ALL: &'static [(&'static str, Self)] =
        &[("rich", Self::Rich), ("entities", Self::Entities)];
}

/// A button under the last answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Button {
    /// The same question once more.
    Regenerate,
    /// The answer, shorter.
    Shorter,
    /// The answer, longer.
    Longer,
    /// Go on, under an answer that was cut.
    Continue,
}

impl Button {
    const NAMES: [(&'static str, Self); 4] = [
        ("regenerate", Self::Regenerate),
        ("shorter", Self::Shorter),
        ("longer", Self::Longer),
        ("continue", Self::Continue),
    ];
}

impl Word for Button {
    const ALLOWED: &'static str = "\"regenerate\", \"shorter\", \"longer\" or \"continue\"";
    fn read(text: &str) -> Option<Self> {
        let mut names = Self::NAMES.into_iter();
        names
            .find(|(name, _)| *name == text.trim())
            .map(|(_, button)| button)
    }
    fn write(&self) -> String {
        let mut names = Self::NAMES.into_iter();
        let found = names.find(|(_, button)| button == self);
        found.map_or("", |(name, _)| name).to_owned()
    }
}

/// Whether a message whose answer takes a while gets a sign that it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipts {
    /// It does.
    On,
    /// It does not.
    Off,
}

impl From<bool> for Receipts {
    fn from(on: bool) -> Self {
        if on { Self::On } else { Self::Off }
    }
}

impl From<Receipts> for bool {
    fn from(receipts: Receipts) -> Self {
        receipts == Receipts::On
    }
}

/// What people see of what the model thinks before it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reasoning {
    /// Only that it thinks.
    Hide,
    /// The end of it, until it writes.
    Show,
    /// The same, and all of it folded away above the answer.
    Fold,
}

impl Named for Reasoning {
    const ALL: &'static [(&'static str, Self)] = &[
        ("hide", Self::Hide),
        ("show", Self::Show),
        ("fold", Self::Fold),
    ];
}

/// What happens to a part that may or may not have arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uncertain {
    /// It is sent again, with a small mark.
    Resend,
    /// It waits for the operator.
    Hold,
}

impl Named for Uncertain {
    const ALL: &'static [(&'static str, Self)] = &[("resend", Self::Resend), ("hold", Self::Hold)];
}

impl Default for Reply {
    fn default() -> Self {
        Self {
            format: Format::Rich,
            file_above: 16_000,
            buttons: vec![
                Button::Regenerate,
                Button::Shorter,
                Button::Longer,
                Button::Continue,
            ],
            group_buttons: vec![Button::Regenerate, Button::Continue],
            reasoning: Reasoning::Show,
            receipt: Receipts::On,
            probe_range: 64,
            uncertain: Uncertain::Resend,
        }
    }
}

impl Reply {
    pub(super) fn walk(&mut self, w: &mut impl Walk) {
        w.knob("reply.format", Apply::Live, &mut self.format, OneOf);
        w.knob("reply.reasoning", Apply::Live, &mut self.reasoning, OneOf);
        w.knob("reply.receipt", Apply::Live, &mut self.receipt, Flag);
        w.knob(
            "reply.file_above",
            Apply::Live,
            &mut self.file_above,
            Int(0..=1_000_000),
        );
        w.knob(
            "reply.buttons",
            Apply::Live,
            &mut self.buttons,
            Many { max: 4 },
        );
        w.knob(
            "reply.group_buttons",
            Apply::Live,
            &mut self.group_buttons,
            Many { max: 4 },
        );
        w.knob(
            "reply.probe_range",
            Apply::Restart,
            &mut self.probe_range,
            Int(0..=250),
        );
        w.knob(
            "reply.uncertain",
            Apply::Restart,
            &mut self.uncertain,
            OneOf,
        );
    }
}
