//! What operators ask for in Telegram and what they are told there, as far as
//! the daemon has a part in it. (Most of what they order has its effect and its
//! reply in the transaction that accepts it.)
//!
//! Everything that is said is a row of the outbox, planned in the transaction
//! that decides it: a death repeats nothing and loses nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;

use super::Result;
use crate::domain::ids::{ChatId, InstanceId};
use crate::domain::operator::alarm::Cause;
use crate::domain::operator::life::Farewell;
use crate::domain::part::Payload;

/// Whom to tell, and what they want to hear.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audience {
    /// Operators by the configuration; whoever has claimed the bot is one, too.
    pub ids: BTreeSet<i64>,
    /// Whether it is to be said at all. What is not said is kept count of.
    pub hearing: Hearing,
}

/// Whether something is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Hearing {
    /// It is.
    #[default]
    Told,
    /// It is not.
    Withheld,
}

/// What operators have ordered of this instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Orders {
    /// Orders that are owed the daemon's state, as their reply.
    pub status: Vec<i64>,
    /// This instance, and no other, is to drain.
    pub drain: bool,
}

/// What a broadcast has come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spread {
    /// Chats that have something to send now.
    pub chats: Vec<ChatId>,
    /// Whether there is more to come.
    pub goes_on: bool,
}

/// Operators.
#[async_trait]
pub trait Operators: Send + Sync + 'static {
    /// Takes the wish to drain this instance, if there is one, and looks for
    /// orders that are owed a reply. What was meant for an instance that has
    /// ended is over.
    async fn take_orders(&self, instance: InstanceId) -> Result<Orders>;

    /// Replies to an order, once. Returns the chat it goes to.
    async fn reply(
        &self,
        order: i64,
        payload: Payload,
        owner: InstanceId,
    ) -> Result<Option<ChatId>>;

    /// The instance is the active one from now on; says so, once, unless that
    /// was said too lately after a crash. Returns the chats that have something
    /// to send now.
    async fn rise(
        &self,
        instance: InstanceId,
        version: &str,
        audience: Audience,
    ) -> Result<Vec<ChatId>>;

    /// What no stop waits for, and is not being sent, is left to whoever comes:
    /// notices to operators, broadcasts, what other processes handed over.
    /// Whether there is anything else of it that is to be sent.
    async fn leave_errands(&self, instance: InstanceId) -> Result<bool>;

    /// The instance has drained; says so, once, if it was the active one.
    /// Returns the chats that have something to send now.
    async fn bid_farewell(
        &self,
        instance: InstanceId,
        farewell: Farewell,
        audience: Audience,
    ) -> Result<Vec<ChatId>>;

    /// A trouble came up, `times` over, the first time so long `ago`. Says so,
    /// unless it was said within the hour.
    async fn alarm(
        &self,
        cause: Cause,
        times: u64,
        ago: Duration,
        detail: Option<String>,
        audience: Audience,
        owner: InstanceId,
    ) -> Result<Vec<ChatId>>;

    /// It is over.
    async fn calm(
        &self,
        cause: Cause,
        audience: Audience,
        owner: InstanceId,
    ) -> Result<Vec<ChatId>>;

    /// The troubles that are not over, as far as is known.
    async fn alarms(&self) -> Result<Vec<Cause>>;

    /// Says what was held back and may be said by now; finds failed turns, and
    /// troubles that have faded. Of the active instance.
    async fn remind(
        &self,
        owner: InstanceId,
        notices: Audience,
        alerts: Audience,
    ) -> Result<Vec<ChatId>>;

    /// Plans the next messages of the broadcast that goes out, as many as may
    /// be under way, and ends it after the last.
    async fn spread(&self, owner: InstanceId) -> Result<Spread>;
}
