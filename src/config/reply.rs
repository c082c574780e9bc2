//! `[reply]`: how answers are sent.

use super::kind::{Int, Named, OneOf};
use super::walk::{Apply, Walk};

/// How answers are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Which formatting is tried first.
    pub format: Format,
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
            probe_range: 64,
            uncertain: Uncertain::Resend,
        }
    }
}

impl Reply {
    pub(super) fn walk(&mut self, w: &mut impl Walk) {
        w.knob("reply.format", Apply::Live, &mut self.format, OneOf);
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
