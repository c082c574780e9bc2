//! `[reply]`: how answers are sent.

use super::kind::{Named, OneOf};
use super::walk::{Apply, Walk};

/// How answers are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Which formatting is tried first.
    pub format: Format,
    /// What happens to a part that may or may not have arrived.
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
            uncertain: Uncertain::Resend,
        }
    }
}

impl Reply {
    pub(super) fn walk(&mut self, w: &mut impl Walk) {
        w.knob("reply.format", Apply::Live, &mut self.format, OneOf);
        w.knob(
            "reply.uncertain",
            Apply::Restart,
            &mut self.uncertain,
            OneOf,
        );
    }
}
