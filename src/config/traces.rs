//! `[traces]`: where the course of each turn is sent.

use super::address::BaseUrl;
use super::kind::{Maybe, One};
use super::walk::{Apply, Walk};

/// The export of traces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traces {
    /// The root of a collector that takes OTLP over HTTP; off when not given.
    pub endpoint: Option<BaseUrl>,
}

impl Traces {
    pub(super) fn walk(&mut self, w: &mut impl Walk) {
        w.knob(
            "traces.endpoint",
            Apply::Restart,
            &mut self.endpoint,
            Maybe(One),
        );
    }
}
