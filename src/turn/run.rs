//! The turn: one function that reads from top to bottom.
//!
//! Claimed → request kept → completed → answer stored → handed to the outbox.
//! Holds nothing that a crash could lose but the completion itself. Every
//! write is fenced by the claim: once superseded, it writes nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::administrators;
use super::conclude::{REFUSED, UNSTORED, button};
use super::fate::{self, Fate};
use super::prompt::{self, Material};
use super::resume;
use super::views::{Sight, Views};
use super::{Concluded, LOOK_AFTER, LOOK_SELDOM, Parts, Presence, STORE_AWAY, Settings};
use crate::clock::{self, Millis};
use crate::domain::part::Payload;
use crate::domain::preview::{Finale, Preview};
use crate::domain::turn::{Blame, MAX_DEATHS, MAX_FAILURES, Standing};
use crate::domain::verb::Verb;
use crate::llm::complete::{Completion, Failure};
use crate::llm::course::Course;
use crate::llm::retry::Rejection;
use crate::store::{Claimed, Past, StoreError, Surroundings};
use crate::telemetry::traces::{Span, Value, What};
use crate::texts::Texts;

/// How much history is asked of the store for each token of the budget, in
/// characters.
const CHARS_PER_TOKEN: usize = 4;

/// Larger requests are not kept, in bytes.
const KEPT_REQUEST: usize = 8 << 20;

/// One claimed turn.
pub(super) struct Turn<'a> {
    pub(super) parts: &'a Parts,
    pub(super) settings: Arc<Settings>,
    pub(super) claimed: Claimed,
    cut: Arc<Notify>,
    pub(super) begun: Instant,
    begun_at: Millis,
    /// Microseconds that went to the model.
    pub(super) modelled: AtomicU64,
    /// What the model thought before its answer.
    pub(super) thoughts: OnceLock<String>,
    /// How its answer comes about.
    pub(super) course: Course,
}

/// How the running part of a turn ended.
pub(super) enum End {
    /// The model has answered.
    Complete(Completion),
    /// A sentence of our own is the answer.
    Own(&'static str),
    /// It has waited longer than a message may, or it has failed (panicked,
    /// died alone) as often as a turn may.
    GivenUp,
    /// It could not be had.
    Failed(Failure),
    /// The person pressed Stop.
    Stopped,
    /// The stop of the daemon came: a successor goes on.
    Parked,
    /// The store did not carry it: it waits a little.
    Stumbled(Blame),
    /// Telegram did not carry it: it waits so long.
    Later(Duration),
    /// Somebody else owns it: nothing more to do here.
    Gone,
}

impl<'a> Turn<'a> {
    pub(super) fn new(parts: &'a Parts, claimed: Claimed, cut: Arc<Notify>) -> Self {
        Self {
            settings: Arc::clone(&parts.settings.borrow()),
            begun_at: parts.clock.now(),
            parts,
            claimed,
            cut,
            begun: Instant::now(),
            modelled: AtomicU64::new(0),
            thoughts: OnceLock::new(),
            course: Course::default(),
        }
    }

    /// The bot's own words, in the language of who is answered.
    pub(super) fn texts(&self) -> &'static Texts {
        Texts::of(self.claimed.claim.language)
    }

    /// Runs the turn to its answer, its deferral or its parking.
    pub(super) async fn run(self, presence: Presence) -> Concluded {
        let claim = self.claimed.claim;
        if !claim.chat.is_private() {
            self.mark_place().await;
        }
        let preview = watch::Sender::new(Preview::default());
        let fence = self.fence().await;
        let shown = match &fence {
            Some(_) => watch::Sender::new(Preview::default()),
            None => preview.clone(),
        };
        // Who was told that it takes long is not shown each further attempt.
        let showing =
            (!self.claimed.told).then(|| self.parts.speaker.show(&claim, shown.subscribe()));
        let mut end = tokio::select! {
            // An answer that is there counts, whatever else came meanwhile.
            biased;
            end = self.generate(&preview) => end,
            end = self.interrupted() => end,
            () = self.parts.shutdown.work().cancelled() => End::Parked,
            never = resume::follow(fence.as_ref(), &preview, &shown) => match never {},
        };
        let mut partial = preview.borrow().text.clone();
        if let Some(fence) = &fence {
            partial = fence.before(&partial);
            if let End::Complete(completion) = &mut end {
                completion.text = fence.before(&completion.text);
            }
            // The last frame is what the message will show.
            shown.send_modify(|shown| shown.text.clone_from(&partial));
        }
        if let Some(showing) = showing {
            showing.end(match end {
                End::Complete(_) => Finale::Whole,
                _ => Finale::Cut,
            });
        }
        drop((preview, shown));
        drop(presence);
        let outcome = self.conclude(end, partial).await;
        self.parts.speaker.deliver(claim.chat);
        self.trace(outcome);
        tracing::debug!(
            turn.id = claim.turn.0,
            chat.id = claim.chat.0,
            turn.messages = self.claimed.inputs.len(),
            turn.claim = claim.no,
            turn.run_ms = self.begun.elapsed().as_millis(),
            outcome,
            "a run ended"
        );
        match outcome {
            UNSTORED => Concluded::StoreAway,
            REFUSED => Concluded::Refused,
            _ => Concluded::Yes,
        }
    }

    /// This run, as a part of its turn's trace.
    fn trace(&self, outcome: &'static str) {
        self.parts.traces.add(|| {
            let (claim, told) = (&self.claimed.claim, self.course.told());
            let model = Duration::from_micros(self.modelled.load(Ordering::Relaxed));
            let mut attributes: Vec<(&'static str, Value)> = vec![
                ("turn.id", claim.turn.0.into()),
                ("turn.claim", claim.no.into()),
                ("outcome", outcome.into()),
                ("llm.attempts", i64::from(told.attempts).into()),
                ("model_ms", model.into()),
            ];
            let request = told.request.map(Value::Word);
            attributes.extend(request.map(|id| ("llm.request", id)));
            let first = told.first_token.map(Value::from);
            attributes.extend(first.map(|time| ("first_token_ms", time)));
            let bad = ["failed", "deferred", UNSTORED, REFUSED].contains(&outcome);
            Span {
                turn: claim.turn,
                what: What::Complete(claim.no),
                begun: self.begun_at,
                ended: self.begun_at + clock::millis(self.begun.elapsed()),
                failed: bad.then_some(outcome),
                attributes,
            }
        });
    }

    /// In groups a visibly unfinished message takes the answer's place.
    async fn mark_place(&self) {
        let claim = &self.claimed.claim;
        let texts = self.texts();
        if !self.claimed.has_placeholder {
            let payload = Payload {
                reply_to: self.reply_to(),
                keyboard: Some(button(
                    texts.stop_button,
                    &Verb::StopTurn { turn: claim.turn },
                )),
                ..Payload::plain(texts.placeholder)
            };
            if let Err(error) = self.parts.store.plan_placeholder(claim, payload).await {
                tracing::debug!(turn.id = claim.turn.0, %error, "no placeholder");
            }
        }
        self.parts.speaker.deliver(claim.chat);
        administrators::refresh(self.parts, claim.chat).await;
    }

    /// From the claim to the model's last word.
    async fn generate(&self, preview: &watch::Sender<Preview>) -> End {
        if self.claimed.age > self.settings.max_age {
            return End::GivenUp;
        }
        // Only panics and deaths lead here: whatever else fails counts its
        // failures.
        if self.claimed.failures >= MAX_FAILURES || self.claimed.deaths >= MAX_DEATHS {
            return End::GivenUp;
        }
        let mut kept = self.claimed.request.clone();
        // The views with the room they take, held until the completion is over.
        let (mut past, mut seen) = (None, None);
        let (mut sight, mut share) = (Sight::Full, 100);
        loop {
            let request = match kept.take() {
                Some(request) => request,
                None => {
                    let past = match &past {
                        Some(past) => past,
                        None => match self.past().await {
                            Ok(found) => past.insert(found),
                            Err(error) => return self.stumbled(&error),
                        },
                    };
                    let (views, _room) = match &seen {
                        Some(seen) => seen,
                        None => match self.views(sight, past).await {
                            Ok(views) => seen.insert(views),
                            Err(end) => return end,
                        },
                    };
                    if let Some(sentence) = self.unreadable(views) {
                        return End::Own(sentence);
                    }
                    match self.build(past, views, share).await {
                        Ok(request) => request,
                        Err(error) => return self.stumbled(&error),
                    }
                }
            };
            let asked = Instant::now();
            let completer = &self.settings.completer;
            let answered = completer.complete(&request, preview, &self.course).await;
            self.count_completion(asked.elapsed(), answered.is_ok());
            let failure = match answered {
                Ok(completion) => return End::Complete(completion),
                Err(failure) => failure,
            };
            let fate = fate::of(
                &failure,
                self.claimed.failures,
                self.claimed.age,
                self.settings.max_age,
            );
            let too_long = fate == Fate::Shorten;
            match (too_long.then(|| shorter(share)).flatten(), sight) {
                (Some(less), _) => share = less,
                // Not every model takes media; words it takes. Once.
                (None, Sight::Full)
                    if carries_media(&request) && (too_long || is_odd(&failure)) =>
                {
                    tracing::warn!(turn.id = self.claimed.claim.turn.0, error = %failure, "asking without media");
                    (seen, sight, share) = (None, Sight::Words, 100);
                }
                _ => return End::Failed(failure),
            }
            preview.send_replace(Preview::default());
        }
    }

    /// What was said before.
    pub(super) async fn past(&self) -> Result<Vec<Past>, StoreError> {
        let chars = self.settings.context_tokens * CHARS_PER_TOKEN;
        self.parts.store.history(&self.claimed.claim, chars).await
    }

    /// Builds the request and keeps its bytes: what a successor sends.
    async fn build(&self, past: &[Past], views: &Views, share: usize) -> Result<Bytes, StoreError> {
        let claim = &self.claimed.claim;
        let round = self.surroundings().await?;
        let request = prompt::build(&Material {
            settings: &self.settings,
            date: self.parts.clock.date(),
            title: &self.claimed.title,
            group: !claim.chat.is_private(),
            inputs: &self.claimed.inputs,
            past,
            views,
            round: &round,
            turn: claim.turn,
            variant: self.claimed.variant,
            earlier: self.claimed.earlier.as_deref(),
            share,
        })
        .to_bytes(self.settings.dialect);
        // A successor builds a very large one anew, from the files that are
        // kept: the store's one writer has others to serve.
        if request.len() <= KEPT_REQUEST {
            self.parts
                .store
                .keep_request(claim, request.clone())
                .await?;
        }
        Ok(request)
    }

    /// What stands round the turn's messages.
    async fn surroundings(&self) -> Result<Surroundings, StoreError> {
        let claim = &self.claimed.claim;
        let quoted = self.claimed.inputs.iter().filter_map(|m| m.quoted.as_ref());
        let points: Vec<i64> = quoted
            .map(|quoted| quoted.message_id)
            .filter(|id| *id > 0)
            .collect();
        // With a business account its owner talks, too.
        let talk = match claim.chat.is_private() && !claim.chat.is_relayed() {
            true => 0,
            false => self.settings.overheard,
        };
        if points.is_empty() && talk == 0 {
            return Ok(Surroundings::default());
        }
        self.parts.store.surroundings(claim, points, talk).await
    }

    /// Waits until the claim was superseded or the person pressed Stop. Woken
    /// in this process; it also looks by itself, at once (what came between
    /// the claim and its listing woke nobody) and now and then.
    async fn interrupted(&self) -> End {
        let others = &self.parts.others;
        loop {
            tokio::select! {
                biased;
                () = self.cut.notified() => {}
                () = look_after(others) => {}
            }
            match self.parts.store.standing(&self.claimed.claim).await {
                Ok(Standing::Ours) => {}
                Ok(Standing::StopRequested) => return End::Stopped,
                Ok(Standing::Lost) => return End::Gone,
                Err(error) => {
                    tracing::debug!(%error, "failed to look after a claim");
                    tokio::time::sleep(STORE_AWAY).await;
                    self.cut.notify_one();
                }
            }
        }
    }

    /// The turn waits for its files: `pause` at least, and the longer the longer
    /// it has waited.
    pub(super) fn later(&self, pause: Duration) -> End {
        End::Later(fate::after_outage(self.claimed.age).max(pause))
    }

    pub(super) fn stumbled(&self, error: &StoreError) -> End {
        if *error != StoreError::Fenced {
            tracing::warn!(turn.id = self.claimed.claim.turn.0, %error, "failed to prepare a turn");
        }
        match error {
            StoreError::Fenced => End::Gone,
            error if error.is_passing() => End::Stumbled(Blame::World),
            _ => End::Stumbled(Blame::Turn),
        }
    }
}

/// The next smaller share of the history's budget, in percent.
fn shorter(share: usize) -> Option<usize> {
    match share {
        100 => Some(50),
        50 => Some(10),
        _ => None,
    }
}

/// Whether a request holds more than words (see `llm/request.rs`).
fn carries_media(request: &[u8]) -> bool {
    let marks: [&[u8]; 3] = [b"\"image_url\":{", b"\"input_audio\":{", b"\"file_data\":"];
    let has = |mark: &&[u8]| request.windows(mark.len()).any(|window| window == *mark);
    marks.iter().any(has)
}

/// Whether a request was refused for something that may be its media.
fn is_odd(failure: &Failure) -> bool {
    let reason = Rejection::Other;
    matches!(failure, Failure::Rejected { reason: found, .. } if *found == reason)
}

/// Ready when it is time to look after a claim: often while other instances
/// live, seldom while none does, for a wake may be lost even then.
async fn look_after(others: &watch::Receiver<bool>) {
    let begun = Instant::now();
    loop {
        tokio::time::sleep(LOOK_AFTER).await;
        if *others.borrow() || begun.elapsed() >= LOOK_SELDOM {
            return;
        }
    }
}
