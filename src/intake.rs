//! How updates come in: by long polling or by webhook.
//!
//! Owns the two transports and what they share: which updates are asked for,
//! and the seam [`Accept`] to whoever makes them durable. An update is confirmed
//! to Telegram only after `accept` has returned `Ok` (promise: accepted means
//! stored). Nothing here parses an update, and nothing here ever drops what is
//! pending at Telegram.

use std::fmt::Debug;

use async_trait::async_trait;
use bytes::Bytes;

use crate::store::StoreError;

pub mod gaps;
pub mod poller;
pub mod registration;
pub mod webhook;

/// The kinds of updates that are asked for, named in every `getUpdates` and
/// `setWebhook`: without a name Telegram keeps the last list it was given.
pub const ALLOWED_UPDATES: &[&str] = &[
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "business_connection",
    "business_message",
    "edited_business_message",
    "deleted_business_messages",
    "guest_message",
    "callback_query",
    "stopped_message_generation",
    "my_chat_member",
];

/// Whoever makes updates durable. Counts what it stored; the transports count
/// only what they answered.
#[async_trait]
pub trait Accept: Debug + Send + Sync + 'static {
    /// Makes updates durable, each the raw JSON of one; also those that cannot
    /// be read and those that are stored already.
    ///
    /// # Errors
    /// [`Refusal`]; then nothing of the batch may be confirmed.
    ///
    /// # Cancel safety
    /// When dropped, the batch is stored as a whole or not at all.
    async fn accept(&self, batch: Vec<Bytes>) -> Result<(), Refusal>;

    /// Whether updates may be taken now. Asked before each request, so it waits
    /// for nothing.
    fn state(&self) -> IntakeState;

    /// Whether a live instance takes over from this one, which stops. Waits
    /// for as long as that is being found out: whoever would turn an update
    /// away meanwhile asks here first.
    ///
    /// # Cancel safety
    /// Cancel safe.
    async fn has_successor(&self) -> bool;

    /// What the transport has met on its way, for whoever looks on. Nothing
    /// depends on it.
    fn met(&self, _what: Met) {}
}

/// What a transport meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Met {
    /// Telegram has answered the long poll, with updates or without.
    Answer,
    /// Somebody else polls with the same token.
    Conflict,
    /// Telegram refuses the token.
    TokenRefused,
    /// So many updates are missing.
    Missing(u64),
}

/// Whether updates may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntakeState {
    /// Yes.
    Open,
    /// No: too many wait unclaimed (`intake.buffer`).
    Full,
    /// No: the store cannot write.
    Unavailable,
    /// This instance stops.
    Draining {
        /// Whether another live instance takes over; what still arrives here is
        /// then stored for it.
        successor: bool,
    },
}

impl IntakeState {
    /// Whether something that arrives unasked may be stored now.
    #[must_use]
    pub fn takes(self) -> bool {
        matches!(self, Self::Open | Self::Draining { successor: true })
    }
}

/// Why a batch was not stored. All of them pass; it is delivered again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Too many wait unclaimed.
    #[error("too many updates wait")]
    Full,
    /// This instance stops and nobody takes over yet.
    #[error("draining")]
    Draining,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
