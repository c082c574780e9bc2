//! `[shutdown]`: how long a stop may take, and what it does with open windows.

use std::time::Duration;

use super::kind::{Named, OneOf, Span};
use super::walk::{Apply, Walk};

/// How the daemon stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shutdown {
    /// From the signal to the end of the process, at most.
    pub grace: Duration,
    /// What happens to what people wrote just before the signal.
    pub on_stop: OnStop,
}

/// What happens to windows that are still gathering when a stop begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnStop {
    /// They are closed and answered before the process ends.
    Flush,
    /// They wait for the successor.
    Park,
}

impl Named for OnStop {
    const ALL: &'static [(&'static str, Self)] = &[("flush", Self::Flush), ("park", Self::Park)];
}

impl Default for Shutdown {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(90),
            on_stop: OnStop::Flush,
        }
    }
}

impl Shutdown {
    pub(super) fn walk(&mut self, w: &mut impl Walk) {
        // Below 5 s the last four (abort, close) would leave nothing to drain.
        w.knob(
            "shutdown.grace",
            Apply::Restart,
            &mut self.grace,
            Span(Duration::from_secs(5)..=Duration::from_secs(3_600)),
        );
        w.knob("shutdown.on_stop", Apply::Restart, &mut self.on_stop, OneOf);
    }
}
