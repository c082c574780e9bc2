//! What the end of a part sets going in this process, and how it is counted.
//!
//! Stores nothing and sends nothing: both have happened.

use super::Sender;
use crate::domain::metric;
use crate::domain::part::Sent;
use crate::domain::probe::Resolution;
use crate::store::Finished;

impl Sender {
    /// What the end of a part sets going, here.
    pub(super) fn conclude(&self, finished: Finished) {
        if let Some(resolution) = finished.resolved {
            tracing::info!(?resolution, "a part of unknown arrival was resolved");
            metrics::counter!(match resolution {
                Resolution::Bound => metric::UNCERTAIN_BOUND,
                Resolution::Absent => metric::UNCERTAIN_ABSENT,
                Resolution::Resent => metric::UNCERTAIN_RESENT,
                Resolution::Held => metric::UNCERTAIN_HELD,
            })
            .increment(1);
        }
        if let Some((turn, due, outcome)) = finished.settled {
            metrics::counter!(metric::TURNS_SETTLED, "outcome" => outcome.as_str()).increment(1);
            tracing::debug!(turn.id = turn.0, outcome = outcome.as_str(), "turn settled");
            (self.0.parts.on_settled)(due);
        }
    }
}

/// Counts what became of a send.
pub(super) fn count(sent: &Sent) {
    let name = match sent {
        Sent::Receipt(_) => metric::PARTS_SENT,
        Sent::Uncertain => metric::PARTS_UNCERTAIN,
        Sent::Undeliverable => metric::PARTS_UNDELIVERABLE,
        _ => return,
    };
    metrics::counter!(name).increment(1);
}
