//! The turn: one function that reads from top to bottom.
//!
//! Claimed → request kept → completed → answer stored → handed to the outbox.
//! Holds nothing that a crash could lose but the completion itself. Every
//! write is fenced by the claim: once superseded, it writes nothing.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::administrators;
use super::fate::{self, Fate};
use super::prompt::{self, Images, Material};
use super::{LOOK_AFTER, Parts, Presence, STORE_AWAY, Settings};
use crate::domain::metric;
use crate::domain::part::{Kind, Payload};
use crate::domain::preview::Preview;
use crate::domain::turn::{Blame, MAX_FAILURES, Outcome, Spent, Standing};
use crate::domain::update::Media;
use crate::domain::verb::Verb;
use crate::llm::FinishReason;
use crate::llm::complete::{Completion, Failure};
use crate::store::{Answer, Claimed, Planned, StoreError};

/// How much history is asked of the store for each token of the budget, in
/// characters.
const CHARS_PER_TOKEN: usize = 4;

/// One claimed turn.
pub(super) struct Turn<'a> {
    parts: &'a Parts,
    settings: Arc<Settings>,
    claimed: Claimed,
    cut: Arc<Notify>,
    begun: Instant,
}

/// How the running part of a turn ended.
enum End {
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
    /// Somebody else owns it, or the store is away: nothing more to do here.
    Gone,
}

impl<'a> Turn<'a> {
    pub(super) fn new(parts: &'a Parts, claimed: Claimed, cut: Arc<Notify>) -> Self {
        Self {
            settings: Arc::clone(&parts.settings.borrow()),
            parts,
            claimed,
            cut,
            begun: Instant::now(),
        }
    }

    /// Runs the turn to its answer, its deferral or its parking.
    pub(super) async fn run(self, presence: Presence) {
        let claim = self.claimed.claim;
        if !claim.chat.is_private() {
            self.mark_place().await;
        }
        let preview = watch::Sender::new(Preview::default());
        let showing = self.parts.speaker.show(&claim, preview.subscribe());
        let end = tokio::select! {
            // An answer that is there counts, whatever else came meanwhile.
            biased;
            end = self.generate(&preview) => end,
            end = self.interrupted() => end,
            () = self.parts.shutdown.work().cancelled() => End::Parked,
        };
        let partial = std::mem::take(&mut preview.send_replace(Preview::default()).text);
        drop(preview);
        showing.end().await;
        drop(presence);
        let outcome = self.conclude(end, partial).await;
        self.parts.speaker.deliver(claim.chat);
        tracing::info!(
            turn.id = claim.turn.0,
            chat.id = claim.chat.0,
            turn.messages = self.claimed.inputs.len(),
            turn.claim = claim.no,
            turn.run_ms = self.begun.elapsed().as_millis(),
            outcome,
            "turn ended"
        );
    }

    /// In groups a visibly unfinished message takes the answer's place.
    async fn mark_place(&self) {
        let claim = &self.claimed.claim;
        let texts = self.settings.texts;
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
        // Only panics lead here: whatever else fails counts its failures.
        if self.claimed.failures >= MAX_FAILURES {
            return End::GivenUp;
        }
        if let Some(sentence) = self.unreadable() {
            return End::Own(sentence);
        }
        let mut kept = self.claimed.request.clone();
        let mut images = None;
        for share in [100, 50, 10] {
            let request = match kept.take() {
                Some(request) => request,
                None => {
                    let images = match &images {
                        Some(images) => images,
                        None => images.insert(self.images().await),
                    };
                    if self.only_photos_failed(images) {
                        return End::Own(self.settings.texts.photo_unavailable);
                    }
                    match self.build(images, share).await {
                        Ok(request) => request,
                        Err(error) => return self.stumbled(&error),
                    }
                }
            };
            match self.settings.completer.complete(&request, preview).await {
                Ok(completion) => return End::Complete(completion),
                Err(failure) => {
                    let fate = fate::of(
                        &failure,
                        self.claimed.failures,
                        self.claimed.age,
                        self.settings.max_age,
                    );
                    if fate != Fate::Shorten || share == 10 {
                        return End::Failed(failure);
                    }
                    preview.send_replace(Preview::default());
                }
            }
        }
        unreachable!("the last share returns")
    }

    /// Builds the request and keeps its bytes: what a successor sends.
    async fn build(&self, images: &Images, share: usize) -> Result<Bytes, StoreError> {
        let claim = &self.claimed.claim;
        let past = self
            .parts
            .store
            .history(claim, self.settings.context_tokens * CHARS_PER_TOKEN)
            .await?;
        let request = prompt::build(&Material {
            settings: &self.settings,
            date: self.parts.clock.date(),
            title: &self.claimed.title,
            group: !claim.chat.is_private(),
            inputs: &self.claimed.inputs,
            past: &past,
            images,
            share,
        })
        .to_bytes(self.settings.dialect);
        self.parts
            .store
            .keep_request(claim, request.clone())
            .await?;
        Ok(request)
    }

    /// A turn of nothing but things we cannot read gets a friendly sentence.
    fn unreadable(&self) -> Option<&'static str> {
        let texts = self.settings.texts;
        let mut sentence = None;
        for message in &self.claimed.inputs {
            match &message.media {
                Some(Media::Other { kind }) if message.text.is_empty() => {
                    sentence.get_or_insert(match kind.as_str() {
                        "voice" | "audio" | "video_note" => texts.voice_unsupported,
                        "document" => texts.document_unsupported,
                        _ => texts.other_unsupported,
                    });
                }
                _ => return None,
            }
        }
        sentence
    }

    /// Downloads the turn's photos.
    async fn images(&self) -> Images {
        let mut images = Images::new();
        for message in &self.claimed.inputs {
            if let Some(Media::Photo { file_id, size }) = &message.media {
                let url = self.parts.photos.data_url(file_id, *size).await;
                if let Err(error) = &url {
                    tracing::warn!(turn.id = self.claimed.claim.turn.0, %error, "failed to download a photo");
                }
                images.insert(file_id.clone(), url.ok());
            }
        }
        images
    }

    fn only_photos_failed(&self, images: &Images) -> bool {
        !images.is_empty()
            && images.values().all(Option::is_none)
            && self.claimed.inputs.iter().all(|m| m.text.is_empty())
    }

    /// Waits until the claim was superseded or the person pressed Stop. Woken
    /// in this process; while other instances live it also looks by itself.
    async fn interrupted(&self) -> End {
        let mut others = self.parts.others.clone();
        loop {
            tokio::select! {
                () = self.cut.notified() => {}
                () = look_after(&mut others) => {}
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

    fn stumbled(&self, error: &StoreError) -> End {
        if *error != StoreError::Fenced {
            tracing::warn!(turn.id = self.claimed.claim.turn.0, %error, "failed to prepare a turn");
        }
        match error {
            StoreError::Fenced => End::Gone,
            _ => End::Parked,
        }
    }

    /// Stores how the turn ended. Returns the word for the log.
    async fn conclude(&self, end: End, partial: String) -> &'static str {
        let texts = self.settings.texts;
        match end {
            End::Complete(completion) => {
                self.count(&completion);
                let mut shown = completion.text.clone();
                match completion.finish {
                    FinishReason::Stop => {}
                    FinishReason::Length => append(&mut shown, texts.cut_by_length),
                    FinishReason::ContentFilter => append(&mut shown, texts.content_filter),
                }
                // History knows no empty answers.
                let text = (!completion.text.trim().is_empty()).then_some(completion.text);
                let spent = completion.usage.map(|usage| Spent {
                    prompt_tokens: i64::try_from(usage.prompt_tokens).unwrap_or(i64::MAX),
                    completion_tokens: i64::try_from(usage.completion_tokens).unwrap_or(i64::MAX),
                    cost: usage.cost,
                    model: usage.model,
                });
                self.answer(Outcome::Answered, text, &shown, spent).await
            }
            End::GivenUp => self.fail().await,
            End::Own(sentence) => self.answer(Outcome::Answered, None, sentence, None).await,
            End::Stopped => {
                let mut shown = partial.clone();
                append(&mut shown, texts.stopped);
                let text = (!partial.trim().is_empty()).then_some(partial);
                self.answer(Outcome::Cancelled, text, &shown, None).await
            }
            End::Failed(failure) => self.failed(&failure).await,
            End::Parked => {
                if self.parts.shutdown.work().is_cancelled() {
                    self.parts.shutdown.report().cut(1);
                }
                let parked = self.parts.store.park(&self.claimed.claim).await;
                ended(parked, "parked")
            }
            End::Gone => "superseded",
        }
    }

    async fn failed(&self, failure: &Failure) -> &'static str {
        metrics::counter!(metric::LLM_ERRORS, "class" => class(failure)).increment(1);
        let fate = fate::of(
            failure,
            self.claimed.failures,
            self.claimed.age,
            self.settings.max_age,
        );
        match fate {
            Fate::Fail | Fate::Shorten => {
                tracing::warn!(turn.id = self.claimed.claim.turn.0, error = %failure, "a turn failed");
                self.fail().await
            }
            Fate::Defer {
                delay,
                blame,
                tell,
                operator,
            } => {
                if operator {
                    tracing::error!(error = %failure, "the model refuses us: check the key and the credit");
                } else {
                    tracing::warn!(turn.id = self.claimed.claim.turn.0, error = %failure, "a turn waits for the model");
                }
                let notice = (tell && !self.claimed.told)
                    .then(|| Payload::plain(self.settings.texts.operator_problem));
                self.defer(delay, blame, notice).await
            }
        }
    }

    async fn defer(&self, delay: Duration, blame: Blame, notice: Option<Payload>) -> &'static str {
        let claim = &self.claimed.claim;
        let deferred = self.parts.store.defer(claim, delay, blame, notice).await;
        ended(deferred, "deferred")
    }

    /// An apology with a button to try again.
    async fn fail(&self) -> &'static str {
        let texts = self.settings.texts;
        let payload = Payload {
            reply_to: self.reply_to(),
            keyboard: Some(button(
                texts.retry_button,
                &Verb::RetryTurn {
                    turn: self.claimed.claim.turn,
                },
            )),
            ..Payload::plain(texts.failed)
        };
        self.store_answer(Outcome::Failed, None, vec![payload], None)
            .await
    }

    async fn answer(
        &self,
        outcome: Outcome,
        text: Option<String>,
        shown: &str,
        spent: Option<Spent>,
    ) -> &'static str {
        let mut payloads = self.parts.speaker.plan(shown);
        if payloads.is_empty() {
            payloads.push(Payload::plain(self.settings.texts.empty_answer));
        }
        payloads[0].reply_to = self.reply_to();
        self.store_answer(outcome, text, payloads, spent).await
    }

    /// Stores the finished answer, however long the store is away: it waits
    /// here, bounded by the number of turns that may run.
    async fn store_answer(
        &self,
        outcome: Outcome,
        text: Option<String>,
        payloads: Vec<Payload>,
        spent: Option<Spent>,
    ) -> &'static str {
        let answer = Answer {
            text,
            outcome,
            spent,
            parts: payloads
                .into_iter()
                .map(|payload| Planned {
                    kind: Kind::Answer,
                    payload,
                })
                .collect(),
        };
        loop {
            match self
                .parts
                .store
                .answer(&self.claimed.claim, answer.clone())
                .await
            {
                Ok(()) => {
                    if self.parts.shutdown.is_stopping() {
                        self.parts.shutdown.report().answered(1);
                    }
                    return outcome.as_str();
                }
                Err(error) if error.is_passing() => {
                    tracing::warn!(turn.id = self.claimed.claim.turn.0, %error, "an answer waits for the store");
                    if self.parts.shutdown.work().is_cancelled() {
                        // The input is stored; only this completion is lost.
                        return "unstored";
                    }
                    tokio::time::sleep(STORE_AWAY).await;
                }
                Err(StoreError::Fenced) => return "superseded",
                Err(error) => {
                    tracing::error!(turn.id = self.claimed.claim.turn.0, %error, "failed to store an answer");
                    return "unstored";
                }
            }
        }
    }

    /// In groups an answer points at what it answers.
    fn reply_to(&self) -> Option<i64> {
        let last = self.claimed.inputs.last()?;
        (!self.claimed.claim.chat.is_private()).then_some(last.id)
    }

    fn count(&self, completion: &Completion) {
        let elapsed = self.begun.elapsed().as_secs_f64();
        metrics::histogram!(metric::COMPLETION_SECONDS).record(elapsed);
        if let Some(usage) = &completion.usage {
            metrics::counter!(metric::COMPLETION_TOKENS, "direction" => "prompt")
                .increment(usage.prompt_tokens);
            metrics::counter!(metric::COMPLETION_TOKENS, "direction" => "completion")
                .increment(usage.completion_tokens);
            if let Some(cost) = usage.cost {
                metrics::gauge!(metric::COMPLETION_COST).increment(cost);
            }
        }
    }
}

/// Ready when it is time to look after a claim, which it is never while no
/// other instance lives.
async fn look_after(others: &mut watch::Receiver<bool>) {
    if others.wait_for(|live| *live).await.is_err() {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(LOOK_AFTER).await;
}

fn ended(result: Result<(), StoreError>, word: &'static str) -> &'static str {
    match result {
        Ok(()) => word,
        Err(StoreError::Fenced) => "superseded",
        Err(error) => {
            tracing::warn!(%error, "failed to store the end of a turn; it is taken up again");
            "unstored"
        }
    }
}

fn class(failure: &Failure) -> &'static str {
    match failure {
        Failure::Operator { .. } => "operator",
        Failure::Unavailable { .. } => "breaker",
        Failure::Exhausted { .. } => "exhausted",
        Failure::Rejected { .. } => "rejected",
    }
}

fn append(text: &mut String, more: &str) {
    if !text.trim().is_empty() {
        text.push_str("\n\n");
    }
    text.push_str(more);
}

fn button(label: &str, verb: &Verb) -> serde_json::Value {
    json!({"inline_keyboard": [[{"text": label, "callback_data": verb.button_data()}]]})
}
