//! The task of one chat: takes what is next in its outbox for as long as there
//! is something, at the pace of the chat, and leaves at a stop what cannot go
//! out before the end. Never begins anything once `work` is cut.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::{STORE_AWAY, Sender, WITHIN, not_sent};
use crate::domain::ids::ChatId;
use crate::domain::probe::Resolving;
use crate::reply::limits::Rank;
use crate::reply::probe::{self, Progress};
use crate::store::Begin;

/// The task of one chat.
pub(super) struct Follow {
    pub(super) sender: Sender,
    pub(super) chat: ChatId,
    pub(super) wake: Arc<Notify>,
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
    pub(super) async fn run(self) {
        let parts = &self.sender.0.parts;
        let work = parts.shutdown.work();
        let mut progress = Progress::default();
        let resolving = Resolving {
            range: parts.probe_range,
            within: probe::WITHIN,
            otherwise: parts.on_uncertain,
        };
        loop {
            // Whether that leaves anything unsent is counted at the end.
            let pace = parts.limits.own_wait(self.chat, Rank::Part);
            if self.is_too_long(pace) {
                return;
            }
            let stopping = parts.shutdown.is_stopping();
            tokio::select! {
                biased;
                () = work.cancelled() => return,
                () = parts.hush.over(self.chat) => {}
            }
            // A stop waits for no pace where nothing is left to be said.
            if stopping && !pace.is_zero() && !self.has_something().await {
                if self.ends() {
                    return;
                }
                continue;
            }
            // Kept until it is known whether there is something to send.
            let head = tokio::select! {
                biased;
                () = work.cancelled() => return,
                // Now there is an end to compare the wait with.
                () = parts.shutdown.intake().cancelled(), if !stopping => continue,
                head = parts.limits.ready(self.chat, Rank::Part) => head,
            };
            let asked = Instant::now();
            let begun = parts
                .store
                .begin_send(self.chat, parts.instance, WITHIN, resolving)
                .await;
            let wait = match begun {
                Ok(Begin::Send(sending)) if work.is_cancelled() => {
                    // Cut between the intent and the call: nothing was written.
                    self.sender.finish(&sending, not_sent(Duration::ZERO)).await;
                    return;
                }
                Ok(Begin::Send(sending)) => {
                    parts.limits.spend(self.chat, Rank::Part);
                    drop(head);
                    // An answer that was stored only just now has a preview
                    // that has not ended. Too late for this attempt: another.
                    tokio::select! {
                        biased;
                        () = work.cancelled() => {}
                        () = parts.hush.over(self.chat) => {}
                    }
                    // A cut ends previews, too: nothing begins after it.
                    if work.is_cancelled() {
                        self.sender.finish(&sending, not_sent(Duration::ZERO)).await;
                        return;
                    }
                    if let Some(moved) = self.sender.send(&sending, asked).await {
                        self.sender.touch(moved);
                    }
                    continue;
                }
                Ok(Begin::Probe(probing)) => {
                    drop(head);
                    if let Some(moved) = self.sender.probe(&probing, asked, &mut progress).await {
                        self.sender.touch(moved);
                    }
                    continue;
                }
                Ok(Begin::Resolved(finished)) => {
                    self.sender.conclude(finished);
                    continue;
                }
                Ok(idle @ (Begin::Idle | Begin::Touch(_))) => {
                    if let Begin::Touch(Duration::ZERO) = idle {
                        parts.keyboards.look_after(self.chat);
                    }
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

    /// Whether something waits to be sent here; also when nobody can say.
    async fn has_something(&self) -> bool {
        let parts = &self.sender.0.parts;
        match parts.store.unsent(parts.instance).await {
            Ok(chats) => chats.iter().any(|(chat, _)| *chat == self.chat),
            Err(_) => true,
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
