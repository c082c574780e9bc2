//! The preview: what a growing answer looks like while it grows.
//!
//! Private chats get drafts, as often as the pace allows, latest wins; groups
//! see the placeholder grow by edits. Nothing is ever taken off the screen
//! again: a frame is not empty after words, nor shorter than the one before it.
//! A preview is never worth waiting for and never the reason for a failure; but
//! its last call must be over before the answer goes out (`hush.rs`), and
//! nothing of an answer is shown before the store knows that it will be.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::hush::Hush;
use super::limits::{Limits, Rank};
use super::plan::Server;
use crate::death::{self, Moment};
use crate::domain::part::Format;
use crate::domain::preview::{Finale, Preview};
use crate::domain::turn::Claim;
use crate::shutdown::{Kind, Tasks};
use crate::store::{Store, StoreError};
use crate::telegram::{Call, Meaning, Telegram};
use crate::texts::Texts;

mod drafts;
mod edits;

/// How long one call of a preview may take. Not short: a call that is given up
/// may be carried out all the same, after the answer and over it.
const CALL: Duration = Duration::from_secs(20);

/// How soon to ask again when the store does not answer.
const STORE_AWAY: Duration = Duration::from_millis(500);

/// The longest time between two frames, however often Telegram has asked us to
/// wait.
const SLOWEST: Duration = Duration::from_secs(8);

/// What a preview works with.
#[derive(Debug, Clone)]
pub struct Previews {
    /// Where it is shown.
    pub telegram: Arc<dyn Telegram>,
    /// Knows the placeholder's message, and hears what is shown.
    pub store: Arc<dyn Store>,
    /// The pace.
    pub limits: Arc<Limits>,
    /// Whose last call is on its way.
    pub hush: Hush,
    /// What the server cannot do.
    pub server: Arc<Server>,
    /// Spawns.
    pub tasks: Tasks,
}

/// How a preview looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// The format that is tried first.
    pub format: Format,
    /// Whether it shows what the model thinks.
    pub thoughts: Thoughts,
}

/// Whether people see what the model thinks before it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thoughts {
    /// Only that it thinks.
    Hidden,
    /// The end of it, until it writes.
    Shown,
}

/// A preview under way; dropping it ends it.
#[derive(Debug)]
pub struct Shown {
    _stop: DropGuard,
    whole: Arc<AtomicBool>,
}

impl Shown {
    /// Ends the preview. Its last call may still be on its way: nothing is sent
    /// in its chat until that is over.
    pub fn end(self, finale: Finale) {
        self.whole.store(finale == Finale::Whole, Ordering::Release);
    }
}

impl Previews {
    /// Shows what `preview` holds until it ends.
    #[must_use]
    pub fn show(&self, claim: &Claim, preview: watch::Receiver<Preview>, look: Look) -> Shown {
        let stop = CancellationToken::new();
        let whole = Arc::new(AtomicBool::new(false));
        let frames = Frames {
            previews: self.clone(),
            claim: *claim,
            preview,
            stop: stop.clone(),
            whole: Arc::clone(&whole),
            look,
            gap: Duration::ZERO,
            revealed: false,
            texts: Texts::of(claim.language),
        };
        let speaking = self.hush.speaks(claim.chat, stop.clone());
        self.tasks.spawn(Kind::Preview, "preview", async move {
            // Also when it is cut: whoever waits for its end goes on.
            let _speaking = speaking;
            if frames.claim.chat.is_relayed() {
                // Neither drafts nor a placeholder: it has the typing sign.
            } else if frames.claim.chat.is_private() {
                frames.drafts().await;
            } else {
                frames.edits().await;
            }
        });
        Shown {
            _stop: stop.drop_guard(),
            whole,
        }
    }
}

/// The frames of one preview.
struct Frames {
    previews: Previews,
    claim: Claim,
    preview: watch::Receiver<Preview>,
    stop: CancellationToken,
    /// Whether the answer is whole, once it has stopped.
    whole: Arc<AtomicBool>,
    look: Look,
    /// The time between two frames that Telegram has taught us.
    gap: Duration,
    /// The store knows that something is shown.
    revealed: bool,
    /// What is shown until there is a word, and beside it.
    texts: &'static Texts,
}

/// What a step of a preview has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It is on the screen.
    Done,
    /// Not now: look again at what there is.
    Again,
    /// There is no use in another.
    Over,
}

impl Frames {
    /// Before the first word is shown, the store hears of it: from then on no
    /// late piece joins the turn.
    async fn reveal(&mut self) -> Step {
        if self.revealed {
            return Step::Done;
        }
        match self.previews.store.reveal(&self.claim).await {
            Ok(()) => {
                self.revealed = true;
                Step::Done
            }
            Err(StoreError::Fenced) => Step::Over,
            Err(error) => {
                tracing::debug!(%error, "failed to note that an answer is shown");
                match self.pause(STORE_AWAY).await {
                    true => Step::Again,
                    false => Step::Over,
                }
            }
        }
    }

    /// Takes its place in the pace of the chat; one that must wait looks again
    /// afterwards, for there is more to show by then.
    async fn turn_to_speak(&self) -> Step {
        let wait = self.wait_to_speak(Rank::Draft);
        if wait.is_zero() {
            return Step::Done;
        }
        match self.pause(wait).await {
            true => Step::Again,
            false => Step::Over,
        }
    }

    fn wait_to_speak(&self, rank: Rank) -> Duration {
        self.previews.limits.try_take(self.claim.chat, rank)
    }

    /// Waits for something new to show; false when the preview is over.
    async fn changed(&mut self) -> bool {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            changed = self.preview.changed() => changed.is_ok(),
        }
    }

    /// The same, but not longer than this.
    async fn changed_within(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.changed())
            .await
            .unwrap_or(true)
    }

    async fn pause(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        tokio::select! {
            biased;
            () = self.stop.cancelled() => false,
            () = tokio::time::sleep_until(until) => true,
        }
    }

    /// Makes a call to its end, also when the preview ends meanwhile: a call
    /// that is dropped may still be carried out, after the answer.
    async fn call(&mut self, mut call: Call) -> Step {
        call.timeout = call.timeout.min(CALL);
        let method = call.method;
        let shown = self.previews.telegram.call(call).await;
        death::at(Moment::DraftShown);
        let Err(error) = shown else {
            return Step::Done;
        };
        match error.meaning() {
            Meaning::Again(Some(pause)) => {
                self.previews
                    .limits
                    .block(self.claim.chat, pause, "preview");
                // Whoever was too fast once would be again.
                self.gap = (self.gap * 2).clamp(Duration::from_secs(2), SLOWEST);
                Step::Again
            }
            Meaning::Again(None) => Step::Again,
            Meaning::Uncertain | Meaning::NotModified => Step::Done,
            Meaning::FormatRefused if method == "sendRichMessageDraft" => {
                if matches!(error, crate::telegram::CallError::Refused { code: 404, .. }) {
                    self.previews.server.has_no_rich();
                }
                Step::Again
            }
            _ => {
                tracing::debug!(method, %error, "preview given up");
                Step::Over
            }
        }
    }
}
