//! What other processes of this machine have handed over for a chat: from files
//! of the spool to rows of the outbox, each exactly once.
//!
//! The file goes after the row has come, so a file is known here from its
//! commit until it is gone for good: whatever happens between, it is taken once.

use std::time::Duration;

use async_trait::async_trait;

use super::Result;
use crate::domain::ids::{ChatId, InstanceId};
use crate::domain::part::Payload;

/// Notices that come from outside.
#[async_trait]
pub trait Notices: Send + Sync + 'static {
    /// Plans notices, in order, as far as there is room for `max_rows` rows in
    /// the outbox. A file that is known, or a key that still is, plans nothing.
    /// `gone` are files that will not come again.
    async fn import(
        &self,
        notices: Vec<Notice>,
        gone: Vec<String>,
        owner: InstanceId,
        max_rows: u64,
    ) -> Result<Imported>;

    /// The files that are known.
    async fn imported(&self) -> Result<Vec<String>>;
}

/// A notice as it was handed over.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// The name of its file.
    pub file: String,
    /// Whether it names its bot: others are for the only one of the store, or
    /// for the first where there are several.
    pub addressed: bool,
    /// The key under which it is stored once, and for how long.
    pub key: Option<(String, Duration)>,
    /// Where to.
    pub chat: ChatId,
    /// Into which forum topic.
    pub topic: Option<i64>,
    /// What to send, in order; never empty.
    pub parts: Vec<Payload>,
    /// How long it is worth being sent; zero = no longer. `None` for ever.
    pub life: Option<Duration>,
}

/// What became of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// Of each, in order.
    pub fates: Vec<Fate>,
    /// Rows of the outbox that wait, by now.
    pub rows: u64,
}

/// What became of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is in the outbox.
    Stored,
    /// It was, or is under its key.
    Before,
    /// Its time was over.
    Expired,
    /// It is for another bot of the store.
    Elsewhere,
    /// There is no room; nothing of it or behind it was stored.
    Full,
}

impl Fate {
    /// The word in the metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Before => "repeated",
            Self::Expired => "expired",
            Self::Elsewhere => "elsewhere",
            Self::Full => "full",
        }
    }
}
