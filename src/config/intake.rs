//! `[intake]`: how much may wait, and for how long.

use std::time::Duration;

use super::kind::{Int, Span};
use super::walk::{Apply, Walk};

/// The limits of what is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intake {
    /// How many accepted updates may wait unclaimed before intake pauses.
    pub buffer: usize,
    /// The oldest message that is still answered, counted from its arrival.
    pub max_age: Duration,
}

impl Default for Intake {
    fn default() -> Self {
        Self {
            buffer: 10_000,
            max_age: Duration::from_secs(24 * 3_600),
        }
    }
}

impl Intake {
    pub(super) fn walk(&mut self, w: &mut impl Walk) {
        w.knob(
            "intake.buffer",
            Apply::Restart,
            &mut self.buffer,
            Int(1..=10_000_000),
        );
        w.knob(
            "intake.max_age",
            Apply::Restart,
            &mut self.max_age,
            Span(Duration::from_secs(60)..=Duration::from_secs(7 * 86_400)),
        );
    }
}
