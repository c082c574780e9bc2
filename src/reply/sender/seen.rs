//! What is measured and shown of each attempt to send a part.

use tokio::time::Instant;

use crate::clock;
use crate::domain::metric;
use crate::domain::part::{Sending, Sent};
use crate::telemetry::traces::{Span, Traces, What};

/// An attempt, begun then, came to this, and that is stored.
pub(super) fn sent(traces: &Traces, sending: &Sending, sent: &Sent, begun: Instant) {
    let took = begun.elapsed();
    if let Sent::Receipt(_) = sent {
        metrics::histogram!(metric::SEND_SECONDS).record(took.as_secs_f64());
    }
    let Some(turn) = sending.turn else { return };
    traces.add(|| {
        let word = word(sent);
        Span {
            turn,
            what: What::Send(sending.part.0, sending.send_no),
            begun: sending.begun_at,
            ended: sending.begun_at.saturating_add(clock::millis(took)),
            failed: (!matches!(sent, Sent::Receipt(_))).then_some(word),
            attributes: vec![
                ("turn.id", turn.0.into()),
                ("part.id", sending.part.0.into()),
                ("part.kind", sending.kind.as_str().into()),
                ("part.attempt", sending.send_no.into()),
                ("outcome", word.into()),
            ],
        }
    });
}

fn word(sent: &Sent) -> &'static str {
    match sent {
        Sent::Receipt(_) => "sent",
        Sent::NotSent { .. } => "not sent",
        Sent::Uncertain => "uncertain",
        Sent::Undeliverable => "undeliverable",
        Sent::ChatGone => "chat gone",
        Sent::Migrated(_) => "migrated",
        Sent::TargetGone => "target gone",
    }
}
