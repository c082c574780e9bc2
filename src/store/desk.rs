//! What an operator looks at and does in a store, beside a daemon that runs or
//! not. Apart from the four traits of the daemon, for it never owns a turn, a
//! part or a lease, and never sees anybody's text.

use async_trait::async_trait;
use serde::Serialize;

use super::Result;
use crate::domain::ids::{ChatId, TurnId};

/// The operator's desk.
#[async_trait]
pub trait Desk: Send + Sync + 'static {
    /// Turns, newest first, at most `limit` of them, without any text.
    async fn turns(&self, which: Which, limit: u32) -> Result<Vec<Listed>>;

    /// Lets a failed turn run again, as a new last turn of its conversation.
    /// Doing it twice does it once. Whatever daemon runs finds it at its next
    /// sweep, within a few seconds.
    async fn replay(&self, turn: TurnId) -> Result<Replay>;
}

/// Which turns are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All.
    All,
    /// Those whose person saw an apology, or nothing.
    Failed,
    /// Those that have no end yet.
    Waiting,
}

/// A turn as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Which.
    pub turn: TurnId,
    /// In which chat.
    pub chat: ChatId,
    /// In which forum topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<i64>,
    /// Where it stands.
    pub state: &'static str,
    /// Its outcome, once settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<&'static str>,
    /// How many messages it gathers.
    pub messages: u64,
    /// Milliseconds since its first message was accepted.
    pub age_ms: i64,
    /// Milliseconds until it may run, where it has to wait.
    pub waits_ms: i64,
    /// Failures of its own.
    pub failures: i64,
    /// Deaths of a process while it ran.
    pub deaths: i64,
    /// Whether it could be replayed.
    pub replayable: bool,
}

/// What became of the wish for a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// It runs again, as this turn.
    Begun(TurnId),
    /// It did before: its messages are in a later turn.
    Before,
    /// There is no such turn.
    Unknown,
    /// It has no end yet: this is its state.
    Open(&'static str),
    /// It ended in another way: this is how.
    Ended(&'static str),
    /// What it was asked is no longer kept, or was forgotten.
    Erased,
}
