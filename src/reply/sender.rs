//! The senders: one task per chat with something to send.
//!
//! Each part: intent stored → call → receipt stored. A part whose
//! acknowledgement was cut is never blindly sent again; the store keeps the
//! chat until it is resolved, by probing where that can prove anything. A
//! receipt waits here, in memory, for as long as the store is away. Begins
//! nothing once `work` is cut.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::call::{self, Judged};
use super::hush::Hush;
use super::keyboard::Keyboards;
use super::limits::Limits;
use super::plan::{self, Server};
use super::probe::{Prober, Progress};
use crate::bell::Bell;
use crate::clock::millis;
use crate::death::{self, Moment};
use crate::domain::ids::{ChatId, InstanceId};
use crate::domain::metric;
use crate::domain::operator::alarm::Cause;
use crate::domain::part::{self, Format, OnUncertain, Sending, Sent};
use crate::domain::probe::{Probed, Probing, Resolution};
use crate::pulse::{Organ, Pulse};
use crate::shutdown::{Kind as Task, Shutdown, Tasks};
use crate::store::{self, Due, Finished, Relay, Store, StoreError};
use crate::telegram::{CallError, Meaning, Telegram};
use crate::telemetry::traces::Traces;

mod follow;
mod seen;

use follow::Follow;

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
    /// What changes the keyboards under messages.
    pub keyboards: Keyboards,
    /// Where a preview's last call is on its way.
    pub hush: Hush,
    /// What the server cannot do.
    pub server: Arc<Server>,
    /// How many ids a part is looked for under that may have arrived.
    pub probe_range: u32,
    /// What to do about it where that proves nothing.
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
    /// Where the course of a turn is shown.
    pub traces: Traces,
    /// Rings for operators.
    pub bell: Bell,
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
    ///
    /// `begun` is not later than the moment at which the store took the time.
    async fn send(&self, sending: &Sending, begun: Instant) -> Option<ChatId> {
        let parts = &self.0.parts;
        if sending.send_no > 1 {
            metrics::counter!(metric::RETRIES, "stage" => "send").increment(1);
        }
        let mut call = call::of(sending, &parts.resent_mark);
        // A commit may have taken long, a process may have stood still.
        call.timeout = WITHIN.saturating_sub(begun.elapsed());
        if call.timeout.is_zero() {
            self.finish(sending, not_sent(Duration::ZERO)).await;
            return None;
        }
        death::at(Moment::CallBegins);
        let result = parts.telegram.call(call).await;
        death::at(Moment::CallAnswered);
        let sent = match call::judge(sending, result) {
            Judged::Sent(sent) => sent,
            Judged::Paused(pause) => {
                parts.limits.block(sending.chat, pause, "send");
                not_sent(pause)
            }
            Judged::NotSent => not_sent(NOT_SENT),
            Judged::Unauthorized => {
                tracing::error!("Telegram refuses the token: check telegram.token");
                parts.bell.ring(Cause::Token, 1);
                not_sent(UNAUTHORIZED)
            }
            Judged::Refused(error) => {
                self.make_safer(sending, &error).await;
                return None;
            }
        };
        let moved = match &sent {
            Sent::Migrated(to) => Some(*to),
            _ => None,
        };
        if let Sent::Receipt(_) = &sent {
            parts.bell.calm(Cause::Token);
        }
        count(&sent);
        self.finish(sending, sent.clone()).await;
        seen::sent(&parts.traces, sending, &sent, begun);
        moved
    }

    /// Stores the receipt, however long the store is away: what was sent must
    /// not be sent again.
    async fn finish(&self, sending: &Sending, sent: Sent) {
        let store = &self.0.parts.store;
        self.keep(sending, || store.finish_send(sending, sent.clone()))
            .await;
    }

    /// Stores something about a begun part, however long the store is away.
    async fn keep<'a, F>(&self, sending: &Sending, write: impl Fn() -> F)
    where
        F: Future<Output = store::Result<Finished>> + Send + 'a,
    {
        let parts = &self.0.parts;
        let mut told = false;
        loop {
            // Waiting for a store that is away is no standing still.
            let written = {
                let _busy = parts.pulse.busy(Organ::Outbox);
                write().await
            };
            match written {
                Ok(finished) => return self.conclude(finished),
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

    /// What the end of a part sets going, here.
    fn conclude(&self, finished: Finished) {
        if let Some(resolution) = finished.resolved {
            tracing::info!(?resolution, "a part of unknown arrival was resolved");
            metrics::counter!(match resolution {
                Resolution::Bound => metric::UNCERTAIN_BOUND,
                Resolution::Absent => metric::UNCERTAIN_ABSENT,
                Resolution::Resent => metric::UNCERTAIN_RESENT,
                Resolution::Held => metric::UNCERTAIN_HELD,
            })
            .increment(1);
        }
        if finished.expired {
            metrics::counter!(metric::NOTICES, "result" => "expired").increment(1);
        }
        if let Some((turn, due, outcome)) = finished.settled {
            tracing::debug!(turn.id = turn.0, outcome = outcome.as_str(), "turn settled");
            (self.0.parts.on_settled)(due);
        }
    }

    /// Asks whether a part has arrived and stores what that has shown.
    /// Returns the chat that the part went to instead, when the group had moved.
    async fn probe(
        &self,
        probing: &Probing,
        begun: Instant,
        progress: &mut Progress,
    ) -> Option<ChatId> {
        let parts = &self.0.parts;
        let prober = Prober {
            telegram: &*parts.telegram,
            limits: &parts.limits,
            resent_mark: &parts.resent_mark,
            work: parts.shutdown.work(),
        };
        // Cut in the middle of a call, it stays as it is for the successor.
        let probed = prober.probe(probing, begun, progress).await?;
        let store = &parts.store;
        self.keep(&probing.part, || store.finish_probe(probing, probed))
            .await;
        match probed {
            Probed::Migrated(to) => Some(to),
            _ => None,
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
        let safer = match error.meaning() {
            Meaning::ReplyGone if sending.payload.reply_to.is_some() => {
                Some(plan::without_reply(&sending.payload))
            }
            _ => match &sending.file {
                Some(text) => {
                    let format = parts.server.format(Format::Rich);
                    plan::in_messages(&sending.payload, text, format)
                }
                None => plan::safer(&sending.payload),
            },
        };
        let Some(mut safer) = safer else {
            tracing::error!(part.id = sending.part.0, %error, "Telegram refuses even plain text");
            self.finish(sending, Sent::Undeliverable).await;
            return;
        };
        if sending.chat.is_relayed() && safer.len() > 1 {
            match parts.store.relay(sending.chat).await {
                // A second one would be refused.
                Ok(Some(Relay::Guest { .. })) => safer = part::only(safer),
                Ok(_) => {}
                // Definitely not sent: it may be begun again.
                Err(_) => return self.finish(sending, not_sent(STORE_AWAY)).await,
            }
        }
        match parts.store.replan(sending, safer).await {
            Ok(finished) => self.conclude(finished),
            Err(error) => {
                tracing::warn!(part.id = sending.part.0, %error, "failed to replan a part");
                // Definitely not sent: it may be begun again.
                self.finish(sending, not_sent(STORE_AWAY)).await;
            }
        }
    }
}

/// Definitely not sent: it may be begun again after this time.
fn not_sent(pause: Duration) -> Sent {
    Sent::NotSent {
        retry_in_ms: millis(pause),
    }
}

fn count(sent: &Sent) {
    let name = match sent {
        Sent::Receipt(_) => metric::PARTS_SENT,
        Sent::Uncertain => metric::PARTS_UNCERTAIN,
        Sent::Undeliverable | Sent::ChatGone => metric::PARTS_UNDELIVERABLE,
        _ => return,
    };
    metrics::counter!(name).increment(1);
}
