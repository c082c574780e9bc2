//! The poller: our own long poll.
//!
//! Stores a batch, then confirms it with the next request's offset: the
//! highest id of *this* batch + 1. Once Telegram has seen that offset the next
//! request names none, because ids are re-seeded at random after a silent week
//! and an offset near the newest id deletes what is pending. Never exits and
//! never goes deaf over anything Telegram or the network does.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::gaps::Gaps;
use super::registration::clear_webhook;
use super::{ALLOWED_UPDATES, Accept, IntakeState, Met, Refusal};
use crate::death::{self, Moment};
use crate::domain::metric;
use crate::pulse::{Organ, Pulse};
use crate::shutdown::Shutdown;
use crate::telegram::{CallError, Meaning, Telegram, methods};

/// How long Telegram holds an empty poll.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Updates of one batch; Telegram's own limit.
const LIMIT: u8 = 100;

/// How soon to look again when updates cannot be taken.
const PAUSED: Duration = Duration::from_millis(250);

/// Between two polls that somebody else's polls collide with.
const CONFLICT: Duration = Duration::from_secs(1);

/// How often a lasting trouble is told.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// The longest wait after failures.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// Asks Telegram for updates.
#[derive(Debug)]
pub struct Poller {
    telegram: Arc<dyn Telegram>,
    sink: Arc<dyn Accept>,
    shutdown: Shutdown,
    pulse: Pulse,
    seed: u64,
    /// What confirms the last batch; `None` once that is confirmed.
    offset: Option<i64>,
    /// What this life of the process knows of the ids.
    gaps: Arc<Mutex<Gaps>>,
    failures: u32,
    told: Option<Instant>,
}

impl Poller {
    /// A poller that hands what comes to `sink`. `gaps` outlives it, for a
    /// poller may be begun again within the life of a process. `seed`
    /// decides the jitter of waits only.
    #[must_use]
    pub fn new(
        telegram: Arc<dyn Telegram>,
        sink: Arc<dyn Accept>,
        shutdown: &Shutdown,
        pulse: &Pulse,
        gaps: &Arc<Mutex<Gaps>>,
        seed: u64,
    ) -> Self {
        Self {
            telegram,
            sink,
            shutdown: shutdown.clone(),
            pulse: pulse.clone(),
            seed,
            offset: None,
            gaps: Arc::clone(gaps),
            failures: 0,
            told: None,
        }
    }

    /// Polls until the stop. Call it only while holding the intake's lease.
    ///
    /// # Cancel safety
    /// Dropping it confirms nothing that is not stored.
    pub async fn run(mut self) {
        let intake = self.shutdown.intake().clone();
        while !intake.is_cancelled() {
            if self.sink.state() != IntakeState::Open {
                tokio::select! {
                    biased;
                    () = intake.cancelled() => return,
                    () = sleep(PAUSED) => continue,
                }
            }
            let poll = methods::get_updates(self.offset, TIMEOUT, LIMIT, ALLOWED_UPDATES);
            let answer = tokio::select! {
                biased;
                // No last, confirming poll: what is stored comes again and is
                // known then.
                () = intake.cancelled() => return,
                answer = self.telegram.call(poll) => answer,
            };
            match answer {
                Ok(Value::Array(updates)) => {
                    metrics::counter!(metric::INTAKE_POLLS).increment(1);
                    self.failures = 0;
                    self.offset = None;
                    self.sink.met(Met::Answer);
                    if !updates.is_empty() {
                        death::at(Moment::PollAnswered);
                    }
                    if !updates.is_empty() && !self.store(&updates).await {
                        return;
                    }
                }
                Ok(_) => self.rest(Duration::from_secs(1)).await,
                Err(error) => self.trouble(&error).await,
            }
        }
    }

    /// Stores a batch, however long the store is away. False when the stop
    /// came first: then nothing of it is confirmed.
    async fn store(&mut self, updates: &[Value]) -> bool {
        let ids: Vec<i64> = updates
            .iter()
            .filter_map(|update| update["update_id"].as_i64())
            .collect();
        let batch: Vec<Bytes> = updates
            .iter()
            .map(|update| Bytes::from(update.to_string()))
            .collect();
        let stopping = self.shutdown.intake().clone();
        loop {
            // What waits in memory is written before what Telegram still has.
            if self.sink.state() == IntakeState::Unavailable {
                sleep(PAUSED).await;
                continue;
            }
            let stored = {
                let _busy = self.pulse.busy(Organ::Intake);
                self.sink.accept(batch.clone()).await
            };
            match stored {
                Ok(()) => break,
                Err(error) => {
                    if stopping.is_cancelled() {
                        return false;
                    }
                    if !matches!(error, Refusal::Full) {
                        tracing::warn!(%error, updates = batch.len(), "updates wait for the store");
                    }
                    sleep(PAUSED).await;
                }
            }
        }
        death::at(Moment::BatchStored);
        metrics::counter!(metric::UPDATES_ACCEPTED, "transport" => "polling")
            .increment(batch.len() as u64);
        if let Some(highest) = ids.iter().max() {
            self.count_gaps(&ids);
            self.offset = Some(highest.saturating_add(1));
        } else {
            // Nothing to confirm it by: it will come again.
            self.rest(Duration::from_secs(1)).await;
        }
        true
    }

    /// Only after the batch is stored: what is tried again is counted once.
    fn count_gaps(&self, ids: &[i64]) {
        // Plain data: usable after a panic elsewhere.
        let mut gaps = self.gaps.lock().unwrap_or_else(PoisonError::into_inner);
        for missing in gaps.note(ids, Instant::now()) {
            metrics::counter!(metric::UPDATES_MISSED).increment(missing);
            self.sink.met(Met::Missing(missing));
            tracing::warn!(
                missing,
                "updates are missing: Telegram has dropped them, or somebody else has taken them"
            );
        }
    }

    async fn trouble(&mut self, error: &CallError) {
        self.failures = self.failures.saturating_add(1);
        match error.meaning() {
            Meaning::Conflict if error.webhook_is_set() => {
                self.tell(error, "a webhook is set although we poll: removing it");
                clear_webhook(&*self.telegram, self.seed).await;
                self.rest(CONFLICT).await;
            }
            Meaning::Conflict => {
                metrics::counter!(metric::INTAKE_CONFLICTS).increment(1);
                self.sink.met(Met::Conflict);
                self.tell(error, "somebody else polls with our token");
                self.rest(CONFLICT).await;
            }
            Meaning::Unauthorized => {
                metrics::counter!(metric::INTAKE_ERRORS, "class" => "token").increment(1);
                self.sink.met(Met::TokenRefused);
                self.tell(error, "Telegram refuses the token: check telegram.token");
                self.rest(WAIT_MAX).await;
            }
            Meaning::Again(Some(pause)) => {
                metrics::counter!(metric::TELEGRAM_WAITS, "method" => "poll").increment(1);
                metrics::counter!(metric::TELEGRAM_WAIT_SECONDS, "method" => "poll")
                    .increment(pause.as_secs().max(1));
                self.rest(pause).await;
            }
            _ => {
                metrics::counter!(metric::INTAKE_ERRORS, "class" => "poll").increment(1);
                self.tell(error, "failed to ask Telegram for updates; trying again");
                let wait = Duration::from_millis(250) * 2_u32.pow(self.failures.min(6));
                self.rest(wait.min(WAIT_MAX)).await;
            }
        }
    }

    fn tell(&mut self, error: &CallError, what: &'static str) {
        if self.told.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
            self.told = Some(Instant::now());
            tracing::warn!(%error, "{what}");
        }
    }

    async fn rest(&self, time: Duration) {
        tokio::select! {
            biased;
            () = self.shutdown.intake().cancelled() => {}
            () = sleep(time) => {}
        }
    }
}
