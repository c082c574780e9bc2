//! `[media]`: what is downloaded for a turn.

use std::time::Duration;

use super::kind::{Int, Span};
use super::walk::{Apply, Walk};

/// The limits of downloads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// The largest photo that is passed to the model, in bytes.
    pub photo_max_bytes: usize,
    /// How long one download may take.
    pub timeout: Duration,
}

impl Default for Media {
    fn default() -> Self {
        Self {
            photo_max_bytes: 5_000_000,
            timeout: Duration::from_secs(20),
        }
    }
}

impl Media {
    pub(super) fn walk(&mut self, w: &mut impl Walk) {
        // 20 MB is the most that `getFile` hands out.
        w.knob(
            "media.photo_max_bytes",
            Apply::Restart,
            &mut self.photo_max_bytes,
            Int(1..=20_000_000),
        );
        w.knob(
            "media.timeout",
            Apply::Restart,
            &mut self.timeout,
            Span(Duration::from_millis(10)..=Duration::from_secs(300)),
        );
    }
}
