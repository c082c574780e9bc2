//! The preview: what a growing answer looks like while it grows.
//!
//! Private chats get drafts, at most one a second, latest wins; groups see
//! the placeholder grow by edits. A preview is never worth waiting for and
//! never the reason for a failure; but its last call must be over before the
//! answer goes out, so that it cannot overtake it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::limits::{Limits, Rank};
use super::plan::Server;
use crate::death::{self, Moment};
use crate::domain::part::Format;
use crate::domain::preview::Preview;
use crate::domain::turn::Claim;
use crate::format;
use crate::shutdown::{Kind, Tasks};
use crate::store::Store;
use crate::telegram::methods::{self, Formatted, StopButton};
use crate::telegram::{Call, Meaning, Telegram};
use crate::texts::Texts;

/// Between two drafts.
const DRAFT_EVERY: Duration = Duration::from_secs(1);

/// A draft vanishes after about 30 s without a change; a model that pauses
/// must not take it off the screen.
const REFRESH_DRAFT: Duration = Duration::from_secs(20);

/// Between two edits of a placeholder: leaves half of a group's twenty calls
/// a minute to everything else.
const EDIT_EVERY: Duration = Duration::from_secs(6);

/// How often the placeholder's receipt is looked for.
const PLACEHOLDER_EVERY: Duration = Duration::from_millis(500);

/// How long one call of a preview may take. Not short: a call that is given up
/// may be carried out all the same, after the answer and over it.
const CALL: Duration = Duration::from_secs(20);

/// How long the end of a preview may take: longer than any call of it.
const END: Duration = Duration::from_secs(21);

/// What a preview works with.
#[derive(Debug, Clone)]
pub struct Previews {
    /// Where it is shown.
    pub telegram: Arc<dyn Telegram>,
    /// Knows the placeholder's message.
    pub store: Arc<dyn Store>,
    /// The pace.
    pub limits: Arc<Limits>,
    /// What the server cannot do.
    pub server: Arc<Server>,
    /// Spawns.
    pub tasks: Tasks,
}

/// A preview under way.
#[derive(Debug)]
pub struct Shown {
    stop: DropGuard,
    done: tokio::task::JoinHandle<crate::shutdown::Ended<()>>,
}

impl Shown {
    /// Ends the preview; nothing of it is on its way afterwards.
    ///
    /// # Cancel safety
    /// Dropping it ends the preview without waiting.
    pub async fn end(self) {
        drop(self.stop);
        let _ = tokio::time::timeout(END, self.done).await;
    }
}

impl Previews {
    /// Shows what `preview` holds until it ends.
    #[must_use]
    pub fn show(&self, claim: &Claim, preview: watch::Receiver<Preview>, wanted: Format) -> Shown {
        let stop = CancellationToken::new();
        let frames = Frames {
            previews: self.clone(),
            claim: *claim,
            preview,
            stop: stop.clone(),
            wanted,
            texts: Texts::of(claim.language),
        };
        let done = self.tasks.spawn(Kind::Preview, "preview", async move {
            if frames.claim.chat.is_private() {
                frames.drafts().await;
            } else {
                frames.edits().await;
            }
        });
        Shown {
            stop: stop.drop_guard(),
            done,
        }
    }
}

/// The frames of one preview.
struct Frames {
    previews: Previews,
    claim: Claim,
    preview: watch::Receiver<Preview>,
    stop: CancellationToken,
    wanted: Format,
    /// What is shown until there is a word, and beside it.
    texts: &'static Texts,
}

impl Frames {
    /// One draft a second at the most. The first comes at once: it shows that
    /// the answer is being thought of, and carries the Stop button.
    async fn drafts(mut self) {
        let mut last: Option<(String, Instant)> = None;
        loop {
            let text = self.preview.borrow_and_update().text.clone();
            let stale = match &last {
                Some((shown, at)) => *shown != text || at.elapsed() >= REFRESH_DRAFT,
                None => true,
            };
            if stale && self.may_call() {
                if !self.call(self.draft(&text)).await {
                    return;
                }
                last = Some((text, Instant::now()));
            }
            if !self.pause(DRAFT_EVERY).await || !self.changed_within(REFRESH_DRAFT).await {
                return;
            }
        }
    }

    /// Waits for something new to show, or for as long as what is shown stays;
    /// false when the preview is over.
    async fn changed_within(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.changed())
            .await
            .unwrap_or(true)
    }

    /// The draft that shows this text, or that there is none yet.
    fn draft(&self, text: &str) -> Call {
        let (chat, topic, draft) = (self.claim.chat.0, self.claim.topic, self.claim.turn.0);
        match self.previews.server.format(self.wanted) {
            Format::Rich => {
                let mut markdown = format::preview_rich(text);
                if markdown.is_empty() {
                    markdown = format!("<tg-thinking>{}</tg-thinking>", self.texts.thinking);
                }
                methods::send_rich_message_draft(chat, topic, draft, &markdown, StopButton::Keeps)
            }
            Format::Entities | Format::Plain => {
                let frame = format::preview_classic(text);
                let (text, entities) = match &frame {
                    Some(frame) => (frame.text.as_str(), &frame.entities[..]),
                    None => (self.texts.thinking, &[][..]),
                };
                let entities = serde_json::to_value(entities).expect("entities are always JSON");
                let content = Formatted {
                    text,
                    entities: &entities,
                };
                methods::send_message_draft(chat, topic, draft, content, StopButton::Keeps)
            }
        }
    }

    async fn edits(mut self) {
        let Some(message) = self.placeholder().await else {
            return;
        };
        let keyboard = serde_json::json!({"inline_keyboard": [[{
            "text": self.texts.stop_button,
            "callback_data": crate::domain::verb::Verb::StopTurn { turn: self.claim.turn }.button_data(),
        }]]});
        while self.changed().await {
            let text = self.preview.borrow_and_update().text.clone();
            let frame = format::preview_classic(&text).filter(|frame| {
                format::utf16_len(&frame.text) + format::utf16_len(self.texts.unfinished) <= 4096
            });
            if let Some(mut frame) = frame
                && self.may_call()
            {
                frame.text.push_str(self.texts.unfinished);
                let entities =
                    serde_json::to_value(&frame.entities).expect("entities are always JSON");
                let content = Formatted {
                    text: &frame.text,
                    entities: &entities,
                };
                let call = methods::edit_message_text(
                    self.claim.chat.0,
                    message,
                    content,
                    Some(&keyboard),
                );
                if !self.call(call).await {
                    return;
                }
            }
            if !self.pause(EDIT_EVERY).await {
                return;
            }
        }
    }

    /// The placeholder's message, once it is there.
    async fn placeholder(&self) -> Option<i64> {
        loop {
            if let Ok(Some(message)) = self.previews.store.placeholder(self.claim.turn).await {
                return Some(message);
            }
            if !self.pause(PLACEHOLDER_EVERY).await {
                return None;
            }
        }
    }

    /// Waits for something new to show; false when the preview is over.
    async fn changed(&mut self) -> bool {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            changed = self.preview.changed() => changed.is_ok(),
        }
    }

    async fn pause(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            () = tokio::time::sleep_until(until) => true,
        }
    }

    fn may_call(&self) -> bool {
        self.previews
            .limits
            .try_take(self.claim.chat, Rank::Draft)
            .is_zero()
    }

    /// Makes a call to its end, also when the preview ends meanwhile: a call
    /// that is dropped may still be carried out, after the answer. False when
    /// there is no use in another.
    async fn call(&self, mut call: Call) -> bool {
        call.timeout = call.timeout.min(CALL);
        let method = call.method;
        let shown = self.previews.telegram.call(call).await;
        death::at(Moment::DraftShown);
        let Err(error) = shown else {
            return true;
        };
        match error.meaning() {
            Meaning::Again(Some(pause)) => {
                self.previews.limits.block(self.claim.chat, pause);
                true
            }
            Meaning::Again(None) | Meaning::Uncertain | Meaning::NotModified => true,
            Meaning::FormatRefused if method == "sendRichMessageDraft" => {
                if matches!(error, crate::telegram::CallError::Refused { code: 404, .. }) {
                    self.previews.server.has_no_rich();
                }
                true
            }
            _ => {
                tracing::debug!(method, %error, "preview given up");
                false
            }
        }
    }
}
