//! What an operator looks at and does in a store, beside a daemon that runs or
//! not. Apart from the traits of the daemon's own work, for it never owns a turn,
//! a part or a lease, and never shows anybody's text unless asked for it.

use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;

use super::Result;
use crate::domain::ids::{ChatId, InstanceId, TurnId};

mod picture;
mod shown;
mod soundness;

pub use picture::{Change, Crowd, Instance, Known, Paused, Picture, Standing, Usage};
pub use shown::{Shown, ShownMessage, ShownPart, Texts};
pub use soundness::Soundness;

/// The operator's desk.
#[async_trait]
pub trait Desk: std::fmt::Debug + Send + Sync + 'static {
    /// Turns, newest first, at most `limit` of them, without any text.
    async fn turns(&self, which: Which, limit: u32) -> Result<Vec<Listed>>;

    /// Lets a failed turn run again, as a new last turn of its conversation.
    /// Doing it twice does it once. Whatever daemon runs finds it at its next
    /// sweep, within a few seconds.
    async fn replay(&self, turn: TurnId) -> Result<Replay>;

    /// Everything that is known of one turn; `None` when there is none.
    async fn show(&self, turn: TurnId, texts: Texts) -> Result<Option<Shown>>;

    /// Stops a turn as its person's Stop would: one that waits ends at once, the
    /// owner of one that runs is asked to end it. `by` is whose senders deliver
    /// what is said about it; `None` for a visitor: whoever lives does.
    async fn cancel(&self, turn: TurnId, by: Option<InstanceId>) -> Result<Cancel>;

    /// Lets no turn begin until [`Desk::resume`], in no process and after no
    /// restart. Doing it again changes the reason only.
    async fn pause(&self, reason: Option<String>) -> Result<Paused>;

    /// Lets turns begin again. Answers the pause that ends, when there was one.
    async fn resume(&self) -> Result<Option<Paused>>;

    /// The pause in force.
    async fn paused(&self) -> Result<Option<Paused>>;

    /// How it stands now: what is open, who lives, what is paused.
    async fn picture(&self) -> Result<Picture>;

    /// What was spent in this last while.
    async fn usage(&self, since: Duration) -> Result<Usage>;

    /// Lets a person or a chat in, and ends its ban.
    async fn allow(&self, id: i64) -> Result<Change>;

    /// Answers a person or a chat no more, whatever else would let it in. Not an
    /// operator.
    async fn ban(&self, id: i64) -> Result<Change>;

    /// Ends a ban; who is let in then is what it was before.
    async fn unban(&self, id: i64) -> Result<Change>;

    /// Who was let in and who was banned, in the order of their ids.
    async fn people(&self) -> Result<Vec<Known>>;
}

/// What became of the wish to cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancel {
    /// It waited and has ended; there is something to send in this chat.
    Stopped(ChatId),
    /// It runs; its owner has to look at its claim.
    Stopping(ChatId),
    /// Its answer is on its way: too late.
    Answered,
    /// It has ended already: this is how.
    Ended(&'static str),
    /// There is no such turn.
    Unknown,
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
