//! What people see while they wait, as far as it has to be remembered: whether
//! anything of an answer was shown, and which message carries a receipt.
//!
//! Nothing here is a message, so nothing of it is a row of the outbox; a sign
//! that is lost costs a look, never an answer.

use std::time::Duration;

use async_trait::async_trait;

use super::{Flush, Result};
use crate::domain::ids::{ChatId, ConversationId, TurnId};
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
    async fn next_turn(&self, conversation: ConversationId) -> Result<Option<TurnId>>;

    /// The last messages of turns that have waited for so long, of which nothing
    /// was seen and nothing told, at most `limit`. From now on each counts as
    /// carrying a receipt. Windows that are still open wait only for a person to
    /// go on writing: they are among them with [`Flush::All`] alone.
    async fn owe_receipts(
        &self,
        waited: Duration,
        flush: Flush,
        limit: u32,
    ) -> Result<Vec<Receipt>>;

    /// Receipts of turns that are settled, at most `limit`.
    async fn stale_receipts(&self, limit: u32) -> Result<Vec<Receipt>>;

    /// The message carries no receipt any more, or never could.
    async fn drop_receipt(&self, receipt: Receipt) -> Result<()>;
}
