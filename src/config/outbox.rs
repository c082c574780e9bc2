//! `[outbox]`: how much may wait to be sent.

use super::kind::Int;
use super::walk::{Apply, Walk};

/// The limits of what waits to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbox {
    /// How many messages may wait before `lastword notify` is refused.
    pub max_rows: u64,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { max_rows: 10_000 }
    }
}

impl Outbox {
    pub(super) fn walk(&mut self, w: &mut impl Walk) {
        w.knob(
            "outbox.max_rows",
            Apply::Restart,
            &mut self.max_rows,
            Int(1..=1_000_000),
        );
    }
}
