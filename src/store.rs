//! What is durable, as small traits by record.
//!
//! Every operation is one transaction with a meaning; nobody outside `store/`
//! knows a table. The store is the queue: what an operation commits, the next
//! stage of any instance can take up. Operations take durations and use the
//! store's own clock. A dropped future leaves a whole transaction or none.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::Serialize;
use tokio::sync::{mpsc, watch};

use crate::domain::admission::Policy;
use crate::domain::ids::{ChatId, ConversationId, InstanceId, TurnId, UserId};
use crate::domain::part::{Kind, Payload};
use crate::domain::turn::{Blame, Claim, Outcome, Spent, Standing, Told};
use crate::domain::update::Message;
use crate::domain::variant::Variant;
use crate::domain::window::Rules;

pub mod desk;
mod ending;
mod error;
mod notices;
pub mod operators;
mod outbox;
mod relays;
pub mod signs;
pub mod sqlite;
mod surroundings;
mod whole;

pub use ending::Ending;
pub use error::{Availability, StoreError};
pub use notices::{Fate, Imported, Notice, Notices};
pub use operators::Operators;
pub use outbox::{Begin, Finished, Outbox};
pub use relays::{Relay, Relays};
pub use signs::{Owed, Receipt, Receipts, Signs};
pub use surroundings::{Author, Overheard, Pointed, Surroundings};
pub use whole::Store;

/// The result of every operation.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Accepting updates.
#[async_trait]
pub trait Inbox: Send + Sync + 'static {
    /// Makes updates durable and ours: raw JSON, parse, verdict, window or
    /// effect of a command, all in one transaction. An update that was
    /// accepted before is counted as a duplicate and changes nothing.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing of the batch was stored and nothing may be
    /// confirmed.
    async fn accept(
        &self,
        instance: InstanceId,
        batch: Vec<Bytes>,
        policy: Arc<Policy>,
    ) -> Result<Accepted>;

    /// Whether the store takes what is written; only an operation finds out.
    fn availability(&self) -> watch::Receiver<Availability>;

    /// Messages of turns that nobody has claimed yet, counted up to `limit`.
    async fn backlog(&self, limit: u64) -> Result<u64>;

    /// Deletes what has been settled for longer than `keep`, at most `step`
    /// rows of each kind. Returns how many rows went.
    async fn prune(&self, keep: Retention, step: u32) -> Result<u64>;
}

/// What accepting a batch has set going.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accepted {
    /// Updates stored now.
    pub stored: usize,
    /// Updates that had been stored before.
    pub duplicates: usize,
    /// Updates that could not be read; kept as they came.
    pub unparsed: usize,
    /// Conversations with something to do, and when.
    pub due: Vec<Due>,
    /// Chats with a part to send.
    pub outbox: Vec<ChatId>,
    /// Turns whose owner must look at its claim again.
    pub cut: Vec<TurnId>,
    /// Buttons to acknowledge, with the words to show.
    pub presses: Vec<PressReply>,
    /// How long ago Telegram dated the new messages among them.
    pub lags: Vec<Duration>,
    /// An operator ordered something that the daemon has a part in.
    pub ordered: bool,
    /// Somebody claimed the bot.
    pub claimed_by: Option<UserId>,
}

/// A conversation with something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Which.
    pub conversation: ConversationId,
    /// Its chat.
    pub chat: ChatId,
    /// Its topic.
    pub topic: Option<i64>,
    /// From when on.
    pub after: Duration,
}

/// The acknowledgement of a pressed button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PressReply {
    /// `callback_query_id`.
    pub query_id: String,
    /// A short text shown over the chat.
    pub text: Option<String>,
}

/// How long settled things are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Raw updates.
    pub updates: Duration,
    /// Request bytes.
    pub requests: Duration,
    /// Inputs of failed turns.
    pub failed: Duration,
}

/// Whether a window may be closed before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flush {
    /// Only what is due.
    Due,
    /// Everything that is open (a drain).
    All,
}

/// Whether a turn would run with others beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Company {
    /// Others run.
    Others,
    /// Nothing else runs in this process.
    Alone,
}

/// The question "what is next in this conversation?"
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// Which conversation.
    pub conversation: ConversationId,
    /// Who would run it.
    pub owner: InstanceId,
    /// Whether open windows are closed before their time.
    pub flush: Flush,
    /// What else runs in this process.
    pub company: Company,
    /// The rules of windows, to tell when one is due.
    pub rules: Rules,
}

/// The answer to it.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// This turn, now yours.
    Run(Box<Claimed>),
    /// Its next turn has brought down processes before: claim it with
    /// [`Company::Alone`].
    NeedsAlone,
    /// Nothing before this time.
    Wait(Duration),
    /// Somebody runs or delivers a turn of it.
    Busy,
    /// Nothing to do.
    Idle,
}

/// A claimed turn with what is needed to run it.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// The proof of owning it.
    pub claim: Claim,
    /// Title of the chat or name of the person.
    pub title: String,
    /// Its messages, in order.
    pub inputs: Vec<Message>,
    /// The request an earlier claim was about to send, byte for byte.
    pub request: Option<Bytes>,
    /// Failures of its own so far.
    pub failures: i64,
    /// Deaths of a process at which it was running.
    pub deaths: i64,
    /// How long ago its first message was accepted.
    pub age: Duration,
    /// Whether the person was told that it has to wait.
    pub told: bool,
    /// The chat's placeholder of this turn: exists already.
    pub has_placeholder: bool,
    /// What it does with an answer that was given before.
    pub variant: Variant,
    /// That answer.
    pub earlier: Option<String>,
}

/// One settled turn as history.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    /// Which.
    pub turn: TurnId,
    /// What people said.
    pub inputs: Vec<Message>,
    /// What the bot said, when it was seen.
    pub answer: Option<String>,
}

/// A part to be planned.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// What it is.
    pub kind: Kind,
    /// What it says.
    pub payload: Payload,
}

/// The end of a turn that its owner decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What the model wrote, when it wrote.
    pub text: Option<String>,
    /// The outcome once the parts are delivered.
    pub outcome: Outcome,
    /// What it used.
    pub spent: Option<Spent>,
    /// How it came about.
    pub told: Told,
    /// The parts, in order. Never empty.
    pub parts: Vec<Planned>,
}

/// Turns.
#[async_trait]
pub trait Turns: Send + Sync + 'static {
    /// Takes the next turn of a conversation: the earliest sealed one, else
    /// the window that is due.
    async fn claim(&self, ask: Ask) -> Result<Next>;

    /// The settled turns before this one, latest first, until they hold about
    /// `chars` characters.
    async fn history(&self, claim: &Claim, chars: usize) -> Result<Vec<Past>>;

    /// What stands round its messages: what the store knows of the messages
    /// with the ids `points`, and up to `talk` others of its group.
    async fn surroundings(
        &self,
        claim: &Claim,
        points: Vec<i64>,
        talk: i64,
    ) -> Result<Surroundings>;

    /// Keeps the exact request; from then on an edit or interrupt drops it.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when the claim is no longer the latest.
    async fn keep_request(&self, claim: &Claim, body: Bytes) -> Result<()>;

    /// Stores what was heard or read in the medium of a message of this turn,
    /// beside it; a message without a file stays as it is.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when the claim is no longer the latest.
    async fn keep_words(&self, claim: &Claim, message: i64, words: &str) -> Result<()>;

    /// Which of these turns need nothing any more: settled, or not there.
    async fn settled(&self, turns: Vec<TurnId>) -> Result<Vec<TurnId>>;

    /// Plans the visible placeholder of this turn, once.
    async fn plan_placeholder(&self, claim: &Claim, payload: Payload) -> Result<()>;

    /// Stores the answer and its parts; from then on no second completion is
    /// ever paid.
    async fn answer(&self, claim: &Claim, answer: Answer) -> Result<()>;

    /// Lets the turn wait, unowned, and tells the person why when `notice` is
    /// given and nothing was told before.
    async fn defer(
        &self,
        claim: &Claim,
        delay: Duration,
        blame: Blame,
        notice: Option<Payload>,
    ) -> Result<()>;

    /// Leaves the turn for a successor, as it is.
    async fn park(&self, claim: &Claim) -> Result<()>;

    /// Whether the claim still holds.
    async fn standing(&self, claim: &Claim) -> Result<Standing>;

    /// Conversations in which something unowned waits, earliest first.
    async fn waiting(&self, limit: u32) -> Result<Vec<Due>>;

    /// Remembers who administrates a group.
    async fn keep_administrators(&self, chat: ChatId, ids: Vec<i64>) -> Result<()>;

    /// Whether the administrators of a group should be asked again.
    async fn administrators_older_than(&self, chat: ChatId, age: Duration) -> Result<bool>;

    /// The latest turns, newest first, without any text.
    async fn recent(&self, limit: u32) -> Result<Vec<TurnLine>>;

    /// How many turns are in each unsettled state.
    async fn open_turns(&self) -> Result<BTreeMap<&'static str, u64>>;

    /// What is told of each turn that is settled here, once, after the commit;
    /// `None` when somebody has it already. What nobody takes is given up.
    fn endings(&self) -> Option<mpsc::Receiver<Ending>>;

    /// What came in and what became of it. Reads everything: for checks, not
    /// for dashboards.
    async fn books(&self) -> Result<Books>;
}

/// The books: what came in and what became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Books {
    /// Accepted messages addressed to the bot.
    pub messages: u64,
    /// Turns by state.
    pub states: Vec<(&'static str, u64)>,
    /// Settled turns by outcome.
    pub outcomes: Vec<(&'static str, u64)>,
    /// Parts by state.
    pub parts: Vec<(&'static str, u64)>,
    /// Messages that belong to no turn or to a superseded one: must be 0.
    pub orphaned: u64,
    /// Settled turns without an outcome, open ones with one, and answered ones
    /// with nothing left to deliver: must be 0.
    pub unbalanced: u64,
    /// Parts of unknown arrival whose message was found by probing.
    pub bound: u64,
    /// Those that were proven not to have arrived, and sent as if for the first
    /// time.
    pub absent: u64,
    /// Those that were sent a second time, marked, for nothing could be proven.
    pub resent: u64,
    /// Those that were left as they are.
    pub held: u64,
}

/// A turn without its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TurnLine {
    /// Which.
    pub turn: TurnId,
    /// In which chat.
    pub chat: ChatId,
    /// Where it stands.
    pub state: &'static str,
    /// Its outcome, once settled.
    pub outcome: Option<&'static str>,
    /// Milliseconds since its first message.
    pub age_ms: i64,
    /// Telegram's ids of its messages.
    pub messages: Vec<i64>,
    /// How many of its parts are in each state.
    pub parts: BTreeMap<&'static str, u64>,
}

/// Which instances there are and who may poll.
#[async_trait]
pub trait Leases: Send + Sync + 'static {
    /// Registers this process.
    async fn register(&self, instance: InstanceId, version: &str) -> Result<()>;

    /// Stores the phase others see.
    async fn set_phase(&self, instance: InstanceId, phase: &'static str) -> Result<()>;

    /// Frees the turns of dead instances and takes over what nobody sends any
    /// more. Not for an instance that drains.
    async fn reap(&self, instance: InstanceId) -> Result<Reaped>;

    /// Whether another live instance could take over.
    async fn successor(&self, instance: InstanceId) -> Result<bool>;

    /// Tries to become the one that talks to `getUpdates`; holds until
    /// [`Leases::release_intake`] or death.
    async fn take_intake(&self) -> Result<bool>;

    /// Lets another instance poll.
    async fn release_intake(&self) -> Result<()>;

    /// Frees everything this instance still owns and forgets it. Parts whose
    /// send was begun become uncertain.
    async fn leave(&self, instance: InstanceId) -> Result<Left>;

    /// A stored value of our own (claim code, webhook secret).
    async fn value(&self, key: &str) -> Result<Option<String>>;

    /// Stores a value, replacing what was there.
    async fn set_value(&self, key: &str, value: &str) -> Result<()>;

    /// The other instances, those that died lately among them.
    async fn others(&self, instance: InstanceId) -> Result<Vec<InstanceId>>;

    /// Stores a value unless there is one; returns the one that holds.
    async fn value_or(&self, key: &str, value: &str) -> Result<String>;

    /// Whether anybody has claimed the bot.
    async fn has_operator(&self) -> Result<bool>;
}

/// What dead instances left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Reaped {
    /// Instances found dead.
    pub instances: u64,
    /// Turns that were running at their death.
    pub turns: u64,
    /// Parts taken over that were never begun.
    pub unsent: u64,
    /// Parts taken over whose arrival is not known.
    pub uncertain: u64,
}

/// What an instance leaves behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Left {
    /// Turns that a successor will run.
    pub parked: u64,
    /// Parts whose arrival is not known.
    pub uncertain: u64,
    /// Parts that were never begun.
    pub unsent: u64,
}
