//! Chats that Telegram names to the bot by no id of its own, and the business
//! accounts that some of them belong to.
//!
//! Inside, such a chat has an id that is ours (`ChatId::is_relayed`), so that a
//! person who writes to the bot and to an account it answers for is in two
//! conversations that never meet. Only the way of a call goes by what is told
//! here.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Accepted, Result};
use crate::domain::admission::Policy;
use crate::domain::ids::{ChatId, InstanceId};
use crate::domain::update::Connection;

/// By which way calls reach a relayed chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Relay {
    /// In the name of a business account.
    Business {
        /// `business_connection_id`.
        connection: String,
        /// The chat as Telegram names it.
        chat: i64,
    },
    /// By answering a guest query, once.
    Guest {
        /// `guest_query_id`.
        query: String,
    },
    /// By none: the account is not connected any more.
    Cut,
}

/// Relayed chats.
#[async_trait]
pub trait Relays: Send + Sync + 'static {
    /// By which way a relayed chat is reached; `None` when there is no such
    /// chat.
    async fn relay(&self, chat: ChatId) -> Result<Option<Relay>>;

    /// Connections that messages came through and that Telegram has not told of,
    /// at most `limit`.
    async fn unconnected(&self, limit: u32) -> Result<Vec<String>>;

    /// Remembers what Telegram says of a connection and goes on with the updates
    /// that waited for it.
    async fn connect(
        &self,
        instance: InstanceId,
        connection: Connection,
        policy: Arc<Policy>,
    ) -> Result<Accepted>;
}
