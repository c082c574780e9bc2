//! The turn: one function that reads from top to bottom.
//!
//! Claimed → request kept → completed → answer stored → handed to the outbox.
//! Holds nothing that a crash could lose but the completion itself. Every
//! write is fenced by the claim: once superseded, it writes nothing.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::administrators;
use super::conclude::{REFUSED, UNSTORED, button};
use super::fate::{self, Fate};
use super::prompt::{self, Images, Material};
use super::{Concluded, LOOK_AFTER, LOOK_SELDOM, Parts, Presence, STORE_AWAY, Settings};
use crate::domain::part::Payload;
use crate::domain::preview::Preview;
use crate::domain::turn::{Blame, MAX_DEATHS, MAX_FAILURES, Standing};
use crate::domain::update::Media;
use crate::domain::verb::Verb;
use crate::llm::complete::{Completion, Failure};
use crate::store::{Claimed, StoreError};

/// How much history is asked of the store for each token of the budget, in
/// characters.
const CHARS_PER_TOKEN: usize = 4;

/// One claimed turn.
pub(super) struct Turn<'a> {
    pub(super) parts: &'a Parts,
    pub(super) settings: Arc<Settings>,
    pub(super) claimed: Claimed,
    cut: Arc<Notify>,
    pub(super) begun: Instant,
    /// Microseconds that went to the model.
    pub(super) modelled: AtomicU64,
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
    /// Somebody else owns it: nothing more to do here.
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
            modelled: AtomicU64::new(0),
        }
    }

    /// Runs the turn to its answer, its deferral or its parking.
    pub(super) async fn run(self, presence: Presence) -> Concluded {
        let claim = self.claimed.claim;
        if !claim.chat.is_private() {
            self.mark_place().await;
        }
        let preview = watch::Sender::new(Preview::default());
        // Who was told that it takes long is not shown each further attempt.
        let showing =
            (!self.claimed.told).then(|| self.parts.speaker.show(&claim, preview.subscribe()));
        let end = tokio::select! {
            // An answer that is there counts, whatever else came meanwhile.
            biased;
            end = self.generate(&preview) => end,
            end = self.interrupted() => end,
            () = self.parts.shutdown.work().cancelled() => End::Parked,
        };
        let partial = std::mem::take(&mut preview.send_replace(Preview::default()).text);
        drop(preview);
        if let Some(showing) = showing {
            showing.end().await;
        }
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
        match outcome {
            UNSTORED => Concluded::StoreAway,
            REFUSED => Concluded::Refused,
            _ => Concluded::Yes,
        }
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
        // Only panics and deaths lead here: whatever else fails counts its
        // failures.
        if self.claimed.failures >= MAX_FAILURES || self.claimed.deaths >= MAX_DEATHS {
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
            let asked = Instant::now();
            let answered = self.settings.completer.complete(&request, preview).await;
            self.count_completion(asked.elapsed(), answered.is_ok());
            match answered {
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
            turn: claim.turn,
            variant: self.claimed.variant,
            earlier: self.claimed.earlier.as_deref(),
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

    fn stumbled(&self, error: &StoreError) -> End {
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
