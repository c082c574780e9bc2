//! Relayed chats inside a transaction: business accounts that are connected,
//! their chats, and calls of a guest.
//!
//! An update about such a chat is given the chat's own id before anything else
//! looks at it. Must never let one through under the id that Telegram uses: it
//! is somebody else's.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};

use super::accept::{Accepting, Sort};
use super::writer::Care;
use super::{SqliteStore, Tx};
use crate::clock::Millis;
use crate::domain::admission::{Access, Answers, Facts, Policy};
use crate::domain::ids::{ChatId, ConversationId, InstanceId, TurnId};
use crate::domain::turn::Outcome;
use crate::domain::update::{
    self, Chat, ChatKind, Connection, ConnectionStanding, Event, Message, Side, Update, Way,
};
use crate::store::{Accepted, Relay, Relays, Result};

/// How long the bot keeps quiet in a chat in which the account's owner writes.
const HUMAN_MS: Millis = 600_000;

#[async_trait]
impl Relays for SqliteStore {
    async fn relay(&self, chat: ChatId) -> Result<Option<Relay>> {
        self.run("relays.relay", move |tx| tx.relay(chat)).await
    }

    async fn unconnected(&self, limit: u32) -> Result<Vec<String>> {
        self.run("relays.unconnected", move |tx| {
            let mut statement = tx.conn.prepare_cached(
                "SELECT DISTINCT connection FROM unconnected WHERE bot = ?1 \
                 ORDER BY connection LIMIT ?2",
            )?;
            let rows = statement.query_map(params![tx.bot.0, limit], |row| row.get(0))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn connect(
        &self,
        instance: InstanceId,
        connection: Connection,
        policy: Arc<Policy>,
    ) -> Result<Accepted> {
        self.run("relays.connect", move |tx| {
            let mut accepting = Accepting {
                tx,
                policy: &policy,
                instance,
                care: Care::Alone,
                done: Accepted::default(),
                erased: false,
            };
            accepting.connected(&connection)?;
            Ok(accepting.done)
        })
        .await
    }
}

/// An update as the rest of the store may see it.
pub(super) enum Housed {
    /// It is about a chat that has an id.
    AsItIs,
    /// This is it, with the chat's own id.
    Relayed(Box<Update>),
    /// It waits until this connection is known.
    Waits(String),
    /// Nobody asked us.
    Unwanted,
}

impl Accepting<'_, '_> {
    /// Gives an update about a relayed chat that chat's own id.
    pub(super) fn house(&self, update: &Update) -> Result<Housed> {
        let Some(event) = &update.event else {
            return Ok(Housed::AsItIs);
        };
        let (connection, chat) = match event {
            Event::Message(message) | Event::Edited(message) => match &message.way {
                Way::Guest { query } => return self.house_guest(update, message, query),
                Way::Business { connection, .. } => (connection, message.chat.id),
                Way::Direct | Way::Feed => return Ok(Housed::AsItIs),
            },
            Event::Press(press) => match (&press.connection, &press.chat) {
                (Some(connection), Some(chat)) => (connection, chat.id),
                _ => return Ok(Housed::AsItIs),
            },
            Event::Deleted {
                connection, chat, ..
            } => (connection, *chat),
            _ => return Ok(Housed::AsItIs),
        };
        if self.policy.rooms.business == Answers::Withheld {
            return Ok(Housed::Unwanted);
        }
        let Some((owner, _)) = self.tx.connection(connection)? else {
            return Ok(Housed::Waits(connection.clone()));
        };
        let relayed = self.tx.business_chat(owner, chat, connection)?;
        Ok(Housed::Relayed(Box::new(moved(update, relayed))))
    }

    fn house_guest(&self, update: &Update, message: &Message, query: &str) -> Result<Housed> {
        let sender = message.sender.id.0;
        let facts = Facts {
            admitted: self.tx.is_admitted(sender, sender)?,
            banned: self.tx.is_banned(sender, sender)?,
            ..Facts::default()
        };
        let wanted =
            self.policy.rooms.guests == Answers::Given && self.policy.admits(sender, sender, facts);
        if !wanted {
            return Ok(Housed::Unwanted);
        }
        let relayed = self.tx.guest_chat(query)?;
        Ok(Housed::Relayed(Box::new(moved(update, relayed))))
    }

    /// Keeps an update until its connection is known.
    pub(super) fn wait_for_connection(&self, row: i64, connection: &str) -> Result<Sort> {
        self.tx
            .conn
            .prepare_cached(
                "INSERT INTO unconnected (update_row, bot, connection) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![row, self.tx.bot.0, connection])?;
        Ok(Sort::Waiting)
    }

    /// A business account was connected, changed or disconnected.
    pub(super) fn connected(&mut self, connection: &Connection) -> Result<()> {
        let usable = connection.standing == ConnectionStanding::Usable;
        self.tx
            .conn
            .prepare_cached(
                "INSERT OR REPLACE INTO connections (bot, id, owner, usable) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![
                self.tx.bot.0,
                connection.id,
                connection.owner.0,
                usable
            ])?;
        if !usable {
            for conversation in self.tx.conversations_of(&connection.id)? {
                self.leave_unanswered(conversation, Outcome::Undeliverable)?;
            }
        }
        for (row, raw) in self.tx.take_waiting(&connection.id)? {
            let sort = match raw {
                Some(raw) => self.housed(row, &update::parse(&raw))?,
                None => Sort::Ignored,
            };
            self.sort(row, sort)?;
        }
        Ok(())
    }

    /// What somebody wrote in a chat of a business account; `None` when it is to
    /// be answered like any other message.
    pub(super) fn business(&mut self, message: &Message) -> Result<Option<Sort>> {
        let Way::Business { connection, side } = &message.way else {
            return Ok(None);
        };
        let Some((owner, usable)) = self.tx.connection(connection)? else {
            return Ok(Some(Sort::Ignored));
        };
        let facts = Facts {
            admitted: self.policy.access != Access::Open && self.tx.is_admitted(owner, owner)?,
            banned: self.tx.is_banned(owner, owner)?,
            ..Facts::default()
        };
        if !usable || !self.policy.admits(owner, owner, facts) {
            return Ok(Some(Sort::Ignored));
        }
        match side {
            Side::Machine => Ok(Some(Sort::Ignored)),
            Side::Owner => {
                // A human has taken over: nobody talks into that.
                let conversation = self.tx.conversation(&message.chat, message.topic)?;
                self.leave_unanswered(conversation, Outcome::Cancelled)?;
                self.tx.keep_quiet(message.chat.id)?;
                self.tx
                    .overhear(message, self.policy.rooms.overheard, true)?;
                Ok(Some(Sort::Ignored))
            }
            Side::Peer if self.tx.is_quiet(message.chat.id)? => {
                self.tx
                    .overhear(message, self.policy.rooms.overheard, true)?;
                Ok(Some(Sort::Ignored))
            }
            Side::Peer => Ok(None),
        }
    }

    /// Ends what is not answered yet, without a word.
    fn leave_unanswered(&mut self, conversation: ConversationId, end: Outcome) -> Result<()> {
        let sql =
            "SELECT id FROM turns WHERE conversation = ?1 AND state IN (0, 1, 2) AND state < 4";
        self.leave(sql, conversation, end)
    }

    /// The same where nothing is left that could be answered.
    fn leave_empty(&mut self, conversation: ConversationId) -> Result<()> {
        let sql = "SELECT id FROM turns AS t \
             WHERE conversation = ?1 AND state IN (0, 1, 2) AND state < 4 AND NOT EXISTS \
             (SELECT 1 FROM messages AS m WHERE m.turn = t.id AND m.body IS NOT NULL)";
        self.leave(sql, conversation, Outcome::Cancelled)
    }

    fn leave(&mut self, turns: &str, conversation: ConversationId, end: Outcome) -> Result<()> {
        let open: Vec<i64> = self
            .tx
            .conn
            .prepare_cached(turns)?
            .query_map([conversation.0], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for turn in open {
            self.tx.settle(TurnId(turn), end)?;
            self.done.cut.push(TurnId(turn));
        }
        Ok(())
    }

    /// Messages that were deleted from a chat are nobody's any more.
    pub(super) fn deleted(&mut self, chat: ChatId, messages: &[i64]) -> Result<Sort> {
        if let Some(conversation) = self.tx.find_conversation(chat, 0)? {
            for message in messages {
                for sql in [
                    "DELETE FROM chatter WHERE conversation = ?1 AND message_id = ?2",
                    "UPDATE updates SET raw = NULL WHERE id IN (SELECT update_row FROM messages \
                     WHERE conversation = ?1 AND message_id = ?2)",
                    "DELETE FROM requests WHERE turn IN (SELECT turn FROM messages \
                     WHERE conversation = ?1 AND message_id = ?2)",
                    "UPDATE messages SET body = NULL WHERE conversation = ?1 AND message_id = ?2",
                ] {
                    self.tx
                        .conn
                        .prepare_cached(sql)?
                        .execute(params![conversation.0, message])?;
                }
            }
            // Nobody waits for an answer to what is taken back.
            self.leave_empty(conversation)?;
        }
        Ok(Sort::Control)
    }
}

impl Tx<'_> {
    fn relay(&self, chat: ChatId) -> Result<Option<Relay>> {
        let Some(number) = chat.relay_number() else {
            return Ok(None);
        };
        type Row = (Option<String>, Option<i64>, Option<String>, bool);
        let found: Option<Row> = self
            .conn
            .prepare_cached(
                "SELECT r.connection, r.chat, r.query, coalesce(c.usable, 0) FROM relays AS r \
                 LEFT JOIN connections AS c ON c.bot = r.bot AND c.id = r.connection \
                 WHERE r.number = ?1 AND r.bot = ?2",
            )?
            .query_row(params![number, self.bot.0], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .optional()?;
        Ok(found.map(|found| match found {
            (_, _, Some(query), _) => Relay::Guest { query },
            (Some(connection), Some(chat), _, true) => Relay::Business { connection, chat },
            _ => Relay::Cut,
        }))
    }

    /// Whose account it is and whether the bot may answer in its name.
    fn connection(&self, id: &str) -> Result<Option<(i64, bool)>> {
        Ok(self
            .conn
            .prepare_cached("SELECT owner, usable FROM connections WHERE bot = ?1 AND id = ?2")?
            .query_row(params![self.bot.0, id], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?)
    }

    /// The id of an account's chat: the same however often the account is
    /// connected anew.
    fn business_chat(&self, owner: i64, chat: ChatId, connection: &str) -> Result<ChatId> {
        let number: i64 = self
            .conn
            .prepare_cached(
                "INSERT INTO relays (bot, owner, chat, connection, at) VALUES (?1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT (bot, owner, chat) WHERE owner IS NOT NULL \
                 DO UPDATE SET connection = excluded.connection RETURNING number",
            )?
            .query_row(
                params![self.bot.0, owner, chat.0, connection, self.now],
                |row| row.get(0),
            )?;
        Ok(ChatId::relayed(number))
    }

    fn guest_chat(&self, query: &str) -> Result<ChatId> {
        let number: i64 = self
            .conn
            .prepare_cached(
                "INSERT INTO relays (bot, query, at) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (bot, query) WHERE query IS NOT NULL \
                 DO UPDATE SET at = excluded.at RETURNING number",
            )?
            .query_row(params![self.bot.0, query, self.now], |row| row.get(0))?;
        Ok(ChatId::relayed(number))
    }

    /// Calls of a guest that nobody waits for any more.
    pub(super) fn prune_guests(&self, before: Millis, step: u32) -> Result<u64> {
        Ok(self
            .conn
            .prepare_cached(
                "DELETE FROM relays WHERE number IN (SELECT number FROM relays \
                 WHERE query IS NOT NULL AND at < ?1 ORDER BY at LIMIT ?2)",
            )?
            .execute(params![before, step])? as u64)
    }

    /// Whether a chat takes one message and no other: the answer.
    pub(super) fn is_guest(&self, chat: ChatId) -> Result<bool> {
        Ok(matches!(self.relay(chat)?, Some(Relay::Guest { .. })))
    }

    fn conversations_of(&self, connection: &str) -> Result<Vec<ConversationId>> {
        let chats: Vec<i64> = self
            .conn
            .prepare_cached("SELECT number FROM relays WHERE bot = ?1 AND connection = ?2")?
            .query_map(params![self.bot.0, connection], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        let mut conversations = Vec::new();
        for number in chats {
            conversations.extend(self.find_conversation(ChatId::relayed(number), 0)?);
        }
        Ok(conversations)
    }

    fn take_waiting(&self, connection: &str) -> Result<Vec<(i64, Option<Vec<u8>>)>> {
        let waiting: Vec<(i64, Option<Vec<u8>>)> = self
            .conn
            .prepare_cached(
                "SELECT u.id, u.raw FROM unconnected AS w JOIN updates AS u ON u.id = w.update_row \
                 WHERE w.bot = ?1 AND w.connection = ?2 ORDER BY u.id",
            )?
            .query_map(params![self.bot.0, connection], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        self.conn
            .prepare_cached("DELETE FROM unconnected WHERE bot = ?1 AND connection = ?2")?
            .execute(params![self.bot.0, connection])?;
        Ok(waiting)
    }

    fn keep_quiet(&self, chat: ChatId) -> Result<()> {
        self.conn
            .prepare_cached("UPDATE relays SET quiet_since = ?2 WHERE number = ?1")?
            .execute(params![chat.relay_number(), self.now])?;
        Ok(())
    }

    fn is_quiet(&self, chat: ChatId) -> Result<bool> {
        let since: Option<Millis> = self
            .conn
            .prepare_cached("SELECT quiet_since FROM relays WHERE number = ?1")?
            .query_row(params![chat.relay_number()], |row| row.get(0))
            .optional()?
            .flatten();
        // A time to come was noted before the clock was set back.
        Ok(since.is_some_and(|since| (0..HUMAN_MS).contains(&(self.now - since))))
    }
}

/// The update, said of this chat.
fn moved(update: &Update, to: ChatId) -> Update {
    let mut update = update.clone();
    // Its ids are not of any sequence that the bot is given.
    update.stamp = None;
    let rename = |chat: &mut Chat| {
        chat.id = to;
        chat.kind = ChatKind::Private;
    };
    match &mut update.event {
        Some(Event::Message(message) | Event::Edited(message)) => {
            rename(&mut message.chat);
            message.topic = None;
        }
        Some(Event::Press(press)) => {
            press.chat.iter_mut().for_each(rename);
            press.topic = None;
        }
        Some(Event::Deleted { chat, .. }) => *chat = to,
        _ => {}
    }
    update
}
