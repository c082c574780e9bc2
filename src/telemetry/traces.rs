//! Spans of turns: made wherever something of a turn is done, taken in without
//! waiting, handed to whoever exports them.
//!
//! A turn is one trace, whoever runs it: its ids are derived from the bot and the
//! turn, so that a successor goes on with the trace that its predecessor began.
//! Spans hold ids, counts and times, never a word that anybody wrote. Nothing
//! here waits: when too many come at once they are dropped and counted.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::clock::Millis;
use crate::domain::ids::{BotId, TurnId};
use crate::domain::metric;

/// Spans that wait for the exporter. Full means that the collector is slower than
/// the bot, or away: what comes then is dropped, for nobody's answer waits for a
/// picture of it.
const QUEUE: usize = 4_096;

/// One thing that was done for a turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// Of which turn.
    pub turn: TurnId,
    /// Which thing.
    pub what: What,
    /// When it began.
    pub begun: Millis,
    /// When it was over.
    pub ended: Millis,
    /// Why it did not do what it was for, in a word of ours.
    pub failed: Option<&'static str>,
    /// What else is to be known of it.
    pub attributes: Vec<(&'static str, Value)>,
}

/// What a span is about. Its name, and what tells it from others of its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// The whole turn; everything else is within it.
    Turn,
    /// From its first message to its seal.
    Gather,
    /// From its seal to its claim.
    Queue,
    /// One run, by the number of its claim: prompt, completion, stored answer.
    Complete(i64),
    /// One attempt to send a part, by the part and the number of the attempt.
    Send(i64, i64),
}

impl What {
    /// The name of the span.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Turn => "turn",
            Self::Gather => "gather",
            Self::Queue => "queue",
            Self::Complete(_) => "complete",
            Self::Send(..) => "send",
        }
    }

    fn numbers(self) -> [i64; 3] {
        match self {
            Self::Turn => [0, 0, 0],
            Self::Gather => [1, 0, 0],
            Self::Queue => [2, 0, 0],
            Self::Complete(claim) => [3, claim, 0],
            Self::Send(part, attempt) => [4, part, attempt],
        }
    }
}

/// What an attribute holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// An id, a count, a time in milliseconds.
    Number(i64),
    /// An amount.
    Amount(f64),
    /// A word of ours, a model's name, a provider's id.
    Word(String),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<Duration> for Value {
    fn from(time: Duration) -> Self {
        Self::Number(crate::clock::millis(time))
    }
}

impl From<&str> for Value {
    fn from(word: &str) -> Self {
        Self::Word(word.to_owned())
    }
}

/// The ids of a span, as traces have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ids {
    /// The trace: the same for everything of a turn.
    pub trace: [u8; 16],
    /// The span.
    pub span: [u8; 8],
    /// The span it is within; the turn itself is within none.
    pub parent: Option<[u8; 8]>,
}

/// The ids of a span of `bot`: the same wherever and whenever they are asked for.
#[must_use]
pub fn ids(bot: BotId, turn: TurnId, what: What) -> Ids {
    let of = |seed: u64, numbers: [i64; 3]| {
        let of_turn = [bot.0, turn.0].into_iter().chain(numbers);
        let mixed = of_turn.fold(seed, |state, number| mix(state ^ number.cast_unsigned()));
        // None of the ids may be all zeros (OpenTelemetry's specification).
        mixed.max(1).to_be_bytes()
    };
    let (high, low) = (of(0x6c61_7374, [-1; 3]), of(0x776f_7264, [-1; 3]));
    let mut trace = [0; 16];
    trace[..8].copy_from_slice(&high);
    trace[8..].copy_from_slice(&low);
    let span = |what: What| of(0x7370_616e, what.numbers());
    Ids {
        trace,
        span: span(what),
        parent: (what != What::Turn).then(|| span(What::Turn)),
    }
}

/// Sebastiano Vigna's splitmix64: no secret, but near numbers end far apart,
/// which is what samplers count on.
fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Where spans go; clones lead to the same place. The default leads nowhere.
#[derive(Debug, Clone, Default)]
pub struct Traces(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    spans: mpsc::Sender<Span>,
    closing: CancellationToken,
    done: watch::Receiver<bool>,
}

/// The other end: for whoever exports.
#[derive(Debug)]
pub struct Spans {
    /// What came and was not exported yet.
    pub queue: mpsc::Receiver<Span>,
    /// The stop has come to where traces end: what is here goes now or never.
    pub closing: CancellationToken,
    /// To be set when nothing is left after that.
    pub done: watch::Sender<bool>,
}

impl Traces {
    /// Both ends.
    #[must_use]
    pub fn channel() -> (Self, Spans) {
        let (spans, queue) = mpsc::channel(QUEUE);
        let done = watch::Sender::new(false);
        let closing = CancellationToken::new();
        let inner = Inner {
            spans,
            closing: closing.clone(),
            done: done.subscribe(),
        };
        let spans = Spans {
            queue,
            closing,
            done,
        };
        (Self(Some(Arc::new(inner))), spans)
    }

    /// Takes a span in; `make` is not called when nobody wants it. Never waits.
    pub fn add(&self, make: impl FnOnce() -> Span) {
        let Some(inner) = &self.0 else { return };
        match inner.spans.try_reserve() {
            Ok(place) => place.send(make()),
            Err(_) => metrics::counter!(metric::SPANS_DROPPED, "reason" => "full").increment(1),
        }
    }

    /// Waits until everything so far is exported or given up, at most so long:
    /// for the end of a stop.
    pub async fn close(&self, limit: Duration) {
        let Some(inner) = &self.0 else { return };
        inner.closing.cancel();
        let mut done = inner.done.clone();
        // An error means that the exporter is gone, and with it every span.
        let _ = timeout(limit, done.wait_for(|done| *done)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    const BOT: BotId = BotId(42);

    #[test]
    fn a_turn_is_one_trace_whoever_asks_and_no_other_turns() {
        let once = ids(BOT, TurnId(7), What::Complete(1));
        assert_eq!(once, ids(BOT, TurnId(7), What::Complete(1)));
        let root = ids(BOT, TurnId(7), What::Turn);
        assert_eq!((once.trace, once.parent), (root.trace, Some(root.span)));
        assert_eq!(root.parent, None);
        let mut traces = HashSet::new();
        let mut spans = HashSet::new();
        for turn in 1..500 {
            assert!(traces.insert(ids(BOT, TurnId(turn), What::Turn).trace));
            for what in [
                What::Turn,
                What::Gather,
                What::Queue,
                What::Complete(1),
                What::Complete(2),
                What::Send(1, 1),
                What::Send(1, 2),
                What::Send(2, 1),
            ] {
                assert!(spans.insert(ids(BOT, TurnId(turn), what).span), "{what:?}");
            }
        }
        assert!(traces.insert(ids(BotId(43), TurnId(7), What::Turn).trace));
    }

    #[test]
    fn what_is_too_much_is_dropped_and_counted_and_nobody_waits() {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        let span = || Span {
            turn: TurnId(1),
            what: What::Turn,
            begun: 0,
            ended: 1,
            failed: None,
            attributes: Vec::new(),
        };
        let (traces, mut spans) = Traces::channel();
        metrics::with_local_recorder(&recorder, || {
            for _ in 0..QUEUE + 3 {
                traces.add(span);
            }
        });
        let text = handle.render();
        assert!(
            text.contains("lastword_spans_dropped_total{reason=\"full\"} 3"),
            "{text}"
        );
        assert!(spans.queue.try_recv().is_ok());
        Traces::default().add(|| unreachable!("nobody wants it"));
    }
}
