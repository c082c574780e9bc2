//! The senders: one task per chat with something to send.
//!
//! Each part: intent stored → call → receipt stored. A part whose
//! acknowledgement was cut is never blindly sent again; the store keeps the
//! chat until it is resolved. A receipt waits here, in memory, for as long as
//! the store is away. Begins nothing once `work` is cut.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::limits::{Limits, Rank};
use super::plan::{self, Server};
use crate::clock::millis;
use crate::death::{self, Moment};
use crate::domain::ids::{ChatId, InstanceId};
use crate::domain::metric;
use crate::domain::part::{Content, OnUncertain, Sending, Sent};
use crate::pulse::{Organ, Pulse};
use crate::shutdown::{Kind as Task, Shutdown, Tasks};
use crate::store::{Begin, Due, Finished, Store, StoreError};
use crate::telegram::{Call, CallError, Meaning, Telegram, methods};

/// Nothing of a part is written to the socket later than this after its
/// intent; also the call's time-out.
const WITHIN: Duration = Duration::from_secs(20);

/// How soon to ask again when the store does not answer.
const STORE_AWAY: Duration = Duration::from_millis(500);

/// How long a call waits that could not be made at all.
const NOT_SENT: Duration = Duration::from_secs(2);

/// How long everything waits that is refused because of the token.
const UNAUTHORIZED: Duration = Duration::from_secs(30);

/// Told when a turn was settled.
pub type OnSettled = Arc<dyn Fn(Due) + Send + Sync>;

/// What a sender works with.
pub struct Parts {
    /// This process.
    pub instance: InstanceId,
    /// Everything durable.
    pub store: Arc<dyn Store>,
    /// Where messages go.
    pub telegram: Arc<dyn Telegram>,
    /// The pace.
    pub limits: Arc<Limits>,
    /// What the server cannot do.
    pub server: Arc<Server>,
    /// What to do about parts that may have arrived.
    pub on_uncertain: OnUncertain,
    /// The mark on a part that is sent again.
    pub resent_mark: String,
    /// Told when a turn was settled.
    pub on_settled: OnSettled,
    /// Spawns.
    pub tasks: Tasks,
    /// The stop.
    pub shutdown: Shutdown,
    /// Shows that the outbox moves.
    pub pulse: Pulse,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}

/// Sends what the outbox holds; clones are the same sender.
#[derive(Debug, Clone)]
pub struct Sender(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    parts: Parts,
    chats: Mutex<HashMap<ChatId, Arc<Notify>>>,
}

impl Sender {
    /// A sender.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner {
            parts,
            chats: Mutex::default(),
        }))
    }

    /// There may be something to send in this chat.
    pub fn touch(&self, chat: ChatId) {
        let mut chats = self.chats();
        if let Some(wake) = chats.get(&chat) {
            wake.notify_one();
            return;
        }
        let wake = Arc::new(Notify::new());
        chats.insert(chat, Arc::clone(&wake));
        drop(chats);
        let follow = Follow {
            sender: self.clone(),
            chat,
            wake,
        };
        self.0
            .parts
            .tasks
            .spawn(Task::Sender, "sender", follow.run());
    }

    /// Chats with something to send.
    #[must_use]
    pub fn len(&self) -> usize {
        self.chats().len()
    }

    /// Whether there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn chats(&self) -> MutexGuard<'_, HashMap<ChatId, Arc<Notify>>> {
        // Plain data: usable after a panic elsewhere.
        self.0.chats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends one begun part and stores what became of it. Returns the chat
    /// that the part went to instead, when the group had moved.
    async fn send(&self, sending: &Sending) -> Option<ChatId> {
        let parts = &self.0.parts;
        death::at(Moment::CallBegins);
        let result = parts
            .telegram
            .call(call_of(sending, &parts.resent_mark))
            .await;
        death::at(Moment::CallAnswered);
        let _busy = parts.pulse.busy(Organ::Outbox);
        match self.judge(sending, result) {
            Judged::Sent(sent) => {
                let moved = match &sent {
                    Sent::Migrated(to) => Some(*to),
                    _ => None,
                };
                count(&sent);
                self.finish(sending, sent).await;
                moved
            }
            Judged::Refused(error) => {
                self.make_safer(sending, &error).await;
                None
            }
        }
    }

    /// What a call's result means for its part.
    fn judge(&self, sending: &Sending, result: Result<serde_json::Value, CallError>) -> Judged {
        let parts = &self.0.parts;
        let again = |wait: Duration| {
            Judged::Sent(Sent::NotSent {
                retry_in_ms: millis(wait),
            })
        };
        let error = match result {
            Ok(message) => {
                return match message["message_id"].as_i64().or(sending.edit) {
                    Some(id) => Judged::Sent(Sent::Receipt(id)),
                    None => Judged::Sent(Sent::Uncertain),
                };
            }
            Err(error) => error,
        };
        match error.meaning() {
            Meaning::Again(None) => again(NOT_SENT),
            Meaning::Again(Some(pause)) => {
                metrics::counter!(metric::TELEGRAM_WAITS, "method" => "send").increment(1);
                parts.limits.block(sending.chat, pause);
                again(pause)
            }
            // An edit is idempotent: it may simply be made again.
            Meaning::Uncertain if sending.edit.is_some() => again(NOT_SENT),
            Meaning::Uncertain => Judged::Sent(Sent::Uncertain),
            Meaning::ChatGone => Judged::Sent(Sent::Undeliverable),
            Meaning::Migrated(to) => Judged::Sent(Sent::Migrated(ChatId(to))),
            Meaning::Unauthorized => {
                tracing::error!("Telegram refuses the token: check telegram.token");
                again(UNAUTHORIZED)
            }
            Meaning::NotModified => match sending.edit {
                Some(id) => Judged::Sent(Sent::Receipt(id)),
                None => Judged::Refused(error),
            },
            Meaning::MessageGone if sending.edit.is_some() => Judged::Sent(Sent::TargetGone),
            Meaning::MessageGone | Meaning::FormatRefused | Meaning::Conflict => {
                Judged::Refused(error)
            }
        }
    }

    /// Stores the receipt, however long the store is away: what was sent must
    /// not be sent again.
    async fn finish(&self, sending: &Sending, sent: Sent) {
        let parts = &self.0.parts;
        let mut told = false;
        loop {
            match parts.store.finish_send(sending, sent.clone()).await {
                Ok(Finished { settled }) => {
                    if let Some((turn, due, outcome)) = settled {
                        metrics::counter!(metric::TURNS_SETTLED, "outcome" => outcome.as_str())
                            .increment(1);
                        tracing::debug!(
                            turn.id = turn.0,
                            outcome = outcome.as_str(),
                            "turn settled"
                        );
                        (parts.on_settled)(due);
                    }
                    return;
                }
                Err(error) if error.is_passing() => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!(part.id = sending.part.0, %error, "a receipt waits for the store");
                    }
                    if parts.shutdown.work().is_cancelled() {
                        // It stays `sending`, for the next start to resolve.
                        parts.shutdown.report().receipt_not_stored();
                        return;
                    }
                    tokio::time::sleep(STORE_AWAY).await;
                }
                Err(StoreError::Fenced) => return,
                Err(error) => {
                    tracing::error!(part.id = sending.part.0, %error, "failed to store a receipt");
                    return;
                }
            }
        }
    }

    /// Replaces a part whose form was refused by a safer form of the same
    /// words; only words that even plain text cannot carry are given up.
    async fn make_safer(&self, sending: &Sending, error: &CallError) {
        let parts = &self.0.parts;
        tracing::warn!(part.id = sending.part.0, %error, "Telegram refused the form of a part");
        if matches!(error, CallError::Refused { code: 404, .. }) {
            parts.server.has_no_rich();
        }
        let Some(safer) = plan::safer(&sending.payload) else {
            tracing::error!(part.id = sending.part.0, %error, "Telegram refuses even plain text");
            self.finish(sending, Sent::Undeliverable).await;
            return;
        };
        if let Err(error) = parts.store.replan(sending, safer).await {
            tracing::warn!(part.id = sending.part.0, %error, "failed to replan a part");
            // Definitely not sent: it may be begun again.
            self.finish(
                sending,
                Sent::NotSent {
                    retry_in_ms: millis(STORE_AWAY),
                },
            )
            .await;
        }
    }
}

/// What became of a call.
enum Judged {
    /// The part's next state.
    Sent(Sent),
    /// Its form was refused.
    Refused(CallError),
}

/// The task of one chat.
struct Follow {
    sender: Sender,
    chat: ChatId,
    wake: Arc<Notify>,
}

impl Drop for Follow {
    fn drop(&mut self) {
        let mut chats = self.sender.chats();
        if chats
            .get(&self.chat)
            .is_some_and(|wake| Arc::ptr_eq(wake, &self.wake))
        {
            chats.remove(&self.chat);
        }
    }
}

impl Follow {
    async fn run(self) {
        let parts = &self.sender.0.parts;
        let work = parts.shutdown.work();
        loop {
            // Whether that leaves anything unsent is counted at the end.
            if self.is_too_long(parts.limits.own_wait(self.chat, Rank::Part)) {
                return;
            }
            let stopping = parts.shutdown.is_stopping();
            // Kept until it is known whether there is something to send.
            let head = tokio::select! {
                biased;
                () = work.cancelled() => return,
                // Now there is an end to compare the wait with.
                () = parts.shutdown.intake().cancelled(), if !stopping => continue,
                head = parts.limits.ready(self.chat, Rank::Part) => head,
            };
            let begun = parts
                .store
                .begin_send(self.chat, parts.instance, WITHIN, parts.on_uncertain)
                .await;
            let wait = match begun {
                Ok(Begin::Send(sending)) if work.is_cancelled() => {
                    // Cut between the intent and the call: nothing was written.
                    let not_sent = Sent::NotSent { retry_in_ms: 0 };
                    self.sender.finish(&sending, not_sent).await;
                    return;
                }
                Ok(Begin::Send(sending)) => {
                    if sending.resent {
                        metrics::counter!(metric::PARTS_RESENT).increment(1);
                    }
                    parts.limits.spend(self.chat);
                    drop(head);
                    if let Some(moved) = self.sender.send(&sending).await {
                        self.sender.touch(moved);
                    }
                    continue;
                }
                Ok(Begin::Idle) => {
                    if self.ends() {
                        return;
                    }
                    continue;
                }
                Ok(Begin::Wait(wait)) => wait,
                Err(error) => {
                    if error.is_passing() {
                        tracing::debug!(%error, "failed to look into the outbox");
                    } else {
                        tracing::error!(%error, "failed to look into the outbox");
                    }
                    STORE_AWAY
                }
            };
            drop(head);
            if self.is_too_long(wait) {
                parts.shutdown.report().early();
                return;
            }
            let stopping = parts.shutdown.is_stopping();
            tokio::select! {
                biased;
                () = work.cancelled() => return,
                // The stop has come: is this still worth waiting for?
                () = parts.shutdown.intake().cancelled(), if !stopping => {}
                () = self.wake.notified() => tokio::time::sleep(wait.min(Duration::from_millis(50))).await,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// What cannot go out before the end is left to the successor.
    fn is_too_long(&self, wait: Duration) -> bool {
        let shutdown = &self.sender.0.parts.shutdown;
        shutdown.is_stopping() && wait > shutdown.left()
    }

    /// Whether nobody touched the chat since the outbox was looked at.
    fn ends(&self) -> bool {
        let mut chats = self.sender.chats();
        // A touch leaves a permit in the notify; taking it means to go on.
        let touched = futures_util::FutureExt::now_or_never(self.wake.notified()).is_some();
        if !touched {
            chats.remove(&self.chat);
        }
        !touched
    }
}

/// The call that makes a part visible.
fn call_of(sending: &Sending, resent_mark: &str) -> Call {
    let (chat, topic) = (sending.chat.0, sending.topic);
    let payload = if sending.resent {
        plan::marked(sending.payload.clone(), resent_mark)
    } else {
        sending.payload.clone()
    };
    let keyboard = payload.keyboard.as_ref();
    let mut call = match (&payload.content, sending.edit) {
        (Content::Rich { markdown }, None) => {
            methods::send_rich_message(chat, topic, markdown, payload.reply_to, keyboard)
        }
        (Content::Rich { markdown }, Some(message)) => {
            methods::edit_rich_message(chat, message, markdown, keyboard)
        }
        (Content::Classic { text, entities }, None) => methods::send_message(
            chat,
            topic,
            methods::Formatted { text, entities },
            payload.reply_to,
            keyboard,
        ),
        (Content::Classic { text, entities }, Some(message)) => methods::edit_message_text(
            chat,
            message,
            methods::Formatted { text, entities },
            keyboard,
        ),
        (Content::Plain { text }, None) => methods::send_message(
            chat,
            topic,
            methods::Formatted::plain(text),
            payload.reply_to,
            keyboard,
        ),
        (Content::Plain { text }, Some(message)) => {
            methods::edit_message_text(chat, message, methods::Formatted::plain(text), keyboard)
        }
    };
    call.timeout = WITHIN;
    call
}

fn count(sent: &Sent) {
    let name = match sent {
        Sent::Receipt(_) => metric::PARTS_SENT,
        Sent::Uncertain => metric::PARTS_UNCERTAIN,
        Sent::Undeliverable => metric::PARTS_UNDELIVERABLE,
        _ => return,
    };
    metrics::counter!(name).increment(1);
}
