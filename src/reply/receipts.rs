//! Receipts: a reaction that says "I have seen this", on the last message of a
//! turn whose answer takes a while to begin, and taken away with the answer.
//!
//! Which message carries one is stored before it is set, so that no death
//! leaves it standing: whoever lives takes it away. A reaction is worth no
//! retry and delays nothing; whatever is refused is dropped.

use std::sync::Arc;
use std::time::Duration;

use super::limits::{Limits, Rank};
use crate::store::{Owed, Receipt, Store};
use crate::telegram::{Meaning, Telegram, methods};

/// The sign.
const SEEN: &str = "👀";

/// Reactions of one look.
const BATCH: u32 = 16;

/// How long one reaction waits for its place in the pace.
const PATIENCE: Duration = Duration::from_millis(500);

/// What receipts are set with.
#[derive(Debug, Clone)]
pub struct Receipts {
    /// Where they are set.
    pub telegram: Arc<dyn Telegram>,
    /// Knows who is owed one and who carries one.
    pub store: Arc<dyn Store>,
    /// The pace.
    pub limits: Arc<Limits>,
}

/// What became of a reaction.
enum Reacted {
    /// It is as it should be, or may be.
    Done,
    /// It will never be.
    Refused,
    /// It was not made.
    NotNow,
}

impl Receipts {
    /// Takes away what is settled and sets what is owed.
    ///
    /// # Cancel safety
    /// Cancel safe: what was noted and not set is taken away all the same.
    pub async fn look(&self, owed: Option<Owed>) {
        let receipts = match self.store.receipts(owed, BATCH).await {
            Ok(receipts) => receipts,
            Err(error) => return tracing::debug!(%error, "failed to look for receipts"),
        };
        for receipt in receipts.stale {
            match self.react(receipt, None).await {
                Reacted::Done | Reacted::Refused => self.forget(receipt).await,
                // The next look finds it again; other chats do not wait for
                // this one.
                Reacted::NotNow => {}
            }
        }
        for receipt in receipts.owed {
            match self.react(receipt, Some(SEEN)).await {
                Reacted::Done => {}
                Reacted::Refused | Reacted::NotNow => self.forget(receipt).await,
            }
        }
    }

    async fn forget(&self, receipt: Receipt) {
        if let Err(error) = self.store.drop_receipt(receipt).await {
            tracing::debug!(%error, "failed to forget a receipt");
        }
    }

    async fn react(&self, receipt: Receipt, emoji: Option<&str>) -> Reacted {
        let mut wait = self.limits.try_take(receipt.chat, Rank::Sign);
        if !wait.is_zero() && wait <= PATIENCE {
            tokio::time::sleep(wait).await;
            wait = self.limits.try_take(receipt.chat, Rank::Sign);
        }
        if !wait.is_zero() {
            return Reacted::NotNow;
        }
        let call = methods::set_message_reaction(receipt.chat.0, receipt.message, emoji);
        let Err(error) = self.telegram.call(call).await else {
            return Reacted::Done;
        };
        match error.meaning() {
            Meaning::Again(pause) => {
                if let Some(pause) = pause {
                    self.limits.block(receipt.chat, pause, "sign");
                }
                Reacted::NotNow
            }
            // It may have been set: then it is taken away like one that was.
            Meaning::Uncertain if emoji.is_some() => Reacted::Done,
            Meaning::Uncertain => Reacted::NotNow,
            _ => Reacted::Refused,
        }
    }
}
