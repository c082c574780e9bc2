//! `[store]`: where everything is kept, and for how long.

use std::path::PathBuf;
use std::time::Duration;

use super::kind::{One, Span};
use super::walk::{Apply, Walk};

/// The store's file and its retention, counted from settling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// The database file, on a local file system.
    pub path: PathBuf,
    /// How long raw updates are kept; they also recognise redeliveries.
    pub keep_updates: Duration,
    /// How long the exact requests to the model are kept.
    pub keep_requests: Duration,
    /// How long the inputs of failed turns are kept, for a replay.
    pub keep_failed: Duration,
}

const DAY: Duration = Duration::from_secs(86_400);

impl Store {
    /// The defaults, with the file at `path`.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            keep_updates: DAY * 7,
            keep_requests: DAY,
            keep_failed: DAY * 30,
        }
    }

    pub(super) fn walk(&mut self, w: &mut impl Walk) {
        let years = || DAY * 3_650;
        w.knob("store.path", Apply::Restart, &mut self.path, One);
        // Telegram delivers an update again for a day: forgetting it sooner
        // would answer it twice.
        w.knob(
            "store.keep_updates",
            Apply::Restart,
            &mut self.keep_updates,
            Span(DAY..=years()),
        );
        w.knob(
            "store.keep_requests",
            Apply::Restart,
            &mut self.keep_requests,
            Span(Duration::ZERO..=years()),
        );
        w.knob(
            "store.keep_failed",
            Apply::Restart,
            &mut self.keep_failed,
            Span(Duration::ZERO..=years()),
        );
    }
}
