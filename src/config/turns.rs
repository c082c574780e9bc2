//! `[turns]`: how many answers are written at once.

use super::kind::Int;
use super::walk::{Apply, Walk};

/// The limits of the turns of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turns {
    /// How many completions may run at once.
    pub max_concurrent: usize,
}

impl Default for Turns {
    fn default() -> Self {
        Self { max_concurrent: 64 }
    }
}

impl Turns {
    pub(super) fn walk(&mut self, w: &mut impl Walk) {
        w.knob(
            "turns.max_concurrent",
            Apply::Restart,
            &mut self.max_concurrent,
            Int(1..=10_000),
        );
    }
}
