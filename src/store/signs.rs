//! What people see while they wait, as far as it has to be remembered: whether
//! anything of an answer was shown, and which message carries a receipt.
//!
//! Nothing here is a message, so nothing of it is a row of the outbox; a sign
//! that is lost costs a look, never an answer.

use std::time::Duration;

use async_trait::async_trait;

use super::{Flush, Result};
use crate::domain::ids::{ChatId, ConversationId, TurnId};
use crate::domain::language::Language;
use crate::domain::turn::Claim;

/// A message that carries the sign "I have seen this".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The turn it belongs to.
    pub turn: TurnId,
    /// The chat of the message.
    pub chat: ChatId,
    /// Telegram's id of the message.
    pub message: i64,
}

/// Whose messages are owed a receipt: turns of which nothing is seen and of
/// which nothing was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owed {
    /// Since the last message of the turn was accepted.
    pub waited: Duration,
    /// Windows that are still open wait for a person to go on writing: they are
    /// among them with [`Flush::All`] alone.
    pub flush: Flush,
}

/// What is to be done about receipts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipts {
    /// To be set.
    pub owed: Vec<Receipt>,
    /// To be taken away: their turns are settled.
    pub stale: Vec<Receipt>,
}

/// Signs.
#[async_trait]
pub trait Signs: Send + Sync + 'static {
    /// Something of the turn's answer is about to be seen: no late piece joins
    /// it any more.
    ///
    /// # Errors
    /// [`super::StoreError::Fenced`] when the claim is no longer the latest:
    /// then nothing may be shown.
    async fn reveal(&self, claim: &Claim) -> Result<()>;

    /// The turn that a conversation comes to next, when it has one.
    async fn next_turn(&self, conversation: ConversationId) -> Result<Option<(TurnId, Language)>>;

    /// Which messages are owed a receipt and which carry one too long, at most
    /// `limit` of each. Those owed count as carrying one from now on.
    async fn receipts(&self, owed: Option<Owed>, limit: u32) -> Result<Receipts>;

    /// The message carries no receipt any more, or never could.
    async fn drop_receipt(&self, receipt: Receipt) -> Result<()>;
}
