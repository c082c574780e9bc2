//! The outbox: what is sent, and what became of it.
//!
//! Every call that creates a message is a row here before it is made. At most
//! one per chat is in flight or unresolved, across instances; whoever has begun
//! one owns it until it is finished, or until nothing of it can still be
//! carried out.

use std::time::Duration;

use async_trait::async_trait;

use super::{Due, Result};
use crate::domain::ids::{ChatId, InstanceId, TurnId};
use crate::domain::part::{Payload, Sending, Sent, Touch};
use crate::domain::probe::{Probed, Probing, Resolution, Resolving};
use crate::domain::turn::Outcome;

/// The answer to "what is next to send in this chat?"
#[derive(Debug, Clone, PartialEq)]
pub enum Begin {
    /// Send this; the intent is stored.
    Send(Box<Sending>),
    /// Find out whether this has arrived.
    Probe(Box<Probing>),
    /// A part of unknown arrival has found its fate without a call: ask again.
    Resolved(Finished),
    /// Nothing to send, but a keyboard is to be changed after this time.
    Touch(Duration),
    /// Nothing before this time.
    Wait(Duration),
    /// Nothing to send.
    Idle,
}

/// What a finished send has set going.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Finished {
    /// A turn was settled: its conversation may go on.
    pub settled: Option<(TurnId, Due, Outcome)>,
    /// How a part of unknown arrival was resolved.
    pub resolved: Option<Resolution>,
    /// A notice was not sent: its time was over.
    pub expired: bool,
}

/// The outbox.
#[async_trait]
pub trait Outbox: Send + Sync + 'static {
    /// Takes the next part of a chat and stores the intent to send it, unless
    /// another one of that chat is in flight or unresolved. Nothing may be
    /// written to the socket later than `within` from now.
    ///
    /// A part of unknown arrival comes first, once its send can no longer be
    /// carried out: as a round of probing, or as resolved.
    async fn begin_send(
        &self,
        chat: ChatId,
        owner: InstanceId,
        within: Duration,
        resolving: Resolving,
    ) -> Result<Begin>;

    /// Stores what became of a begun send.
    ///
    /// # Errors
    /// [`super::StoreError::Fenced`] when somebody else has taken the part over.
    async fn finish_send(&self, sending: &Sending, sent: Sent) -> Result<Finished>;

    /// Stores what a round of probing has come to. A round that is never
    /// finished begins again once nothing of it can still be carried out.
    ///
    /// # Errors
    /// [`super::StoreError::Fenced`] when somebody else has taken the part over.
    async fn finish_probe(&self, probing: &Probing, probed: Probed) -> Result<Finished>;

    /// Replaces a begun part, of which Telegram refused the form, by others in
    /// a safer one, in its place.
    ///
    /// # Errors
    /// [`super::StoreError::Fenced`] when somebody else has taken the part over.
    async fn replan(&self, sending: &Sending, parts: Vec<Payload>) -> Result<Finished>;

    /// The placeholder's message of a turn, once it was sent.
    async fn placeholder(&self, turn: TurnId) -> Result<Option<i64>>;

    /// Chats in which the keyboard of a message has to be changed now.
    async fn touches(&self) -> Result<Vec<ChatId>>;

    /// Takes the next such message of a chat. Nobody else is given it for
    /// `within`; an edit that is made twice changes nothing.
    async fn begin_touch(&self, chat: ChatId, within: Duration) -> Result<Option<Touch>>;

    /// Stores what became of it: `again` says after which time to try it once
    /// more, `None` that nothing is left to do. What is wanted by now stands.
    async fn finish_touch(&self, touch: &Touch, again: Option<Duration>) -> Result<()>;

    /// Chats in which something of this owner waits to be sent or resolved, and
    /// when to look at them. What is in flight is among them.
    async fn unsent(&self, owner: InstanceId) -> Result<Vec<(ChatId, Duration)>>;
}
