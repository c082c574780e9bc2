//! When updates came last and how late, for whoever looks on. Nothing depends on
//! it, and it costs a few stores into memory per batch.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde::Deserialize;
use tokio::time::Instant;

use crate::clock::Millis;
use crate::intake::Met;
use crate::ops::status;

#[derive(Debug, Default)]
pub(super) struct Vitals(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    stored: Option<Instant>,
    answered: Option<Instant>,
    lag_ms: Option<u64>,
    conflicts: u64,
}

impl Vitals {
    /// A batch was stored now, the last message of which was sent then.
    pub(super) fn stored(&self, sent_at: Option<Millis>, now: Millis) {
        let mut known = self.lock();
        known.stored = Some(Instant::now());
        if let Some(sent_at) = sent_at {
            // Telegram stamps whole seconds, and two clocks may disagree.
            known.lag_ms = Some(u64::try_from(now - sent_at).unwrap_or(0));
        }
    }

    pub(super) fn met(&self, what: Met) {
        let mut known = self.lock();
        match what {
            Met::Answer => known.answered = Some(Instant::now()),
            Met::Conflict => known.conflicts += 1,
            Met::TokenRefused | Met::Missing(_) => {}
        }
    }

    pub(super) fn told(&self, transport: &str, paused: Option<&str>) -> status::Intake {
        let known = self.lock();
        let since = |at: Instant| u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX);
        status::Intake {
            transport: transport.to_owned(),
            since_last_ms: known.stored.map(since),
            since_answer_ms: known.answered.map(since),
            lag_ms: known.lag_ms,
            paused: paused.map(str::to_owned),
            conflicts: known.conflicts,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        // Plain data: usable after a panic elsewhere.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Deserialize)]
struct Sent {
    message: Option<Stamp>,
    channel_post: Option<Stamp>,
    business_message: Option<Stamp>,
}

#[derive(Deserialize)]
struct Stamp {
    date: i64,
}

/// When the message of a raw update was sent, in milliseconds since the epoch;
/// what is older than its update (edits, presses) tells nothing.
pub(super) fn sent_at(raw: &Bytes) -> Option<Millis> {
    let sent: Sent = serde_json::from_slice(raw).ok()?;
    let stamp = sent
        .message
        .or(sent.channel_post)
        .or(sent.business_message)?;
    Some(stamp.date.saturating_mul(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_just_sent_tells_how_late_it_is() {
        let at = |raw: &str| sent_at(&Bytes::from(raw.to_owned()));
        let message = r#"{"update_id":1,"message":{"date":7,"reply_to_message":{"date":1}}}"#;
        assert_eq!(at(message), Some(7000));
        assert_eq!(at(r#"{"callback_query":{"message":{"date":7}}}"#), None);
        assert_eq!(at(r#"{"edited_message":{"date":7}}"#), None);
        assert_eq!(at("{"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_behind_telegrams_shows_no_lag_below_nothing() {
        let vitals = Vitals::default();
        vitals.stored(Some(5_000), 4_000);
        assert_eq!(vitals.told("polling", None).lag_ms, Some(0));
        vitals.stored(None, 9_000);
        assert_eq!(vitals.told("polling", None).lag_ms, Some(0));
        vitals.stored(Some(5_000), 9_000);
        assert_eq!(vitals.told("polling", None).lag_ms, Some(4_000));
    }
}
