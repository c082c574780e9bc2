//! Rows that are looked up or made on the way: conversations, people, what a
//! person did lately.

use rusqlite::{OptionalExtension, params};

use super::Tx;
use crate::domain::ids::{ChatId, ConversationId};
use crate::domain::update::Chat;
use crate::store::Result;

/// A person may send this often per this long before messages wait.
pub(super) const RATE_WINDOW_MS: i64 = 60_000;

/// One polite refusal per stranger and chat in this time.
const REFUSAL_EVERY_MS: i64 = 24 * 3600 * 1000;

/// How a sender stands against the limit per minute.
pub(super) enum Pace {
    /// Within it.
    Fine,
    /// Over it: the window waits until then.
    Over {
        /// Milliseconds since the epoch.
        until: i64,
        /// Not yet told in this minute.
        tell: bool,
    },
}

impl Tx<'_> {
    pub(super) fn conversation(&self, chat: &Chat, topic: Option<i64>) -> Result<ConversationId> {
        let topic = topic.unwrap_or(0);
        if let Some(id) = self.find_conversation(chat.id, topic)? {
            return Ok(id);
        }
        self.conn
            .prepare_cached(
                "INSERT INTO conversations (bot, chat, topic, kind, title) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                self.bot.0,
                chat.id.0,
                topic,
                if chat.id.is_private() { "private" } else { "group" },
                chat.title
            ])?;
        Ok(ConversationId(self.conn.last_insert_rowid()))
    }

    pub(super) fn find_conversation(
        &self,
        chat: ChatId,
        topic: i64,
    ) -> Result<Option<ConversationId>> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT id FROM conversations WHERE bot = ?1 AND chat = ?2 AND topic = ?3",
            )?
            .query_row(params![self.bot.0, chat.0, topic], |row| row.get(0))
            .optional()?
            .map(ConversationId))
    }

    /// Whether the person or the chat was let in.
    pub(super) fn is_admitted(&self, sender: i64, chat: i64) -> Result<bool> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM people WHERE bot = ?1 AND id IN (?2, ?3))",
            )?
            .query_row(params![self.bot.0, sender, chat], |row| row.get(0))?)
    }

    /// Whether `person` may stop other people's turns in this group.
    pub(super) fn governs(&self, person: i64, chat: ChatId) -> Result<bool> {
        let operator: bool = self
            .conn
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM people WHERE bot = ?1 AND id = ?2 AND operator = 1)",
            )?
            .query_row(params![self.bot.0, person], |row| row.get(0))?;
        // An anonymous administrator speaks as the group itself.
        if operator || chat.is_private() || person == chat.0 {
            return Ok(true);
        }
        let ids: Option<String> = self
            .conn
            .prepare_cached("SELECT ids FROM administrators WHERE bot = ?1 AND chat = ?2")?
            .query_row(params![self.bot.0, chat.0], |row| row.get(0))
            .optional()?;
        Ok(ids
            .and_then(|text| serde_json::from_str::<Vec<i64>>(&text).ok())
            .is_some_and(|ids| ids.contains(&person)))
    }

    /// Counts a message of a sender against the limit per minute.
    pub(super) fn pace(&self, chat: i64, sender: i64, per_minute: i64) -> Result<Pace> {
        let known: Option<(i64, i64, bool)> = self
            .conn
            .prepare_cached(
                "SELECT since, count, told FROM senders WHERE bot = ?1 AND chat = ?2 AND sender = ?3",
            )?
            .query_row(params![self.bot.0, chat, sender], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        let fresh = |since: i64| self.now >= since && self.now - since < RATE_WINDOW_MS;
        let (since, count, told) = match known {
            Some((since, count, told)) if fresh(since) => (since, count + 1, told),
            _ => (self.now, 1, false),
        };
        let over = count > per_minute;
        self.conn
            .prepare_cached(
                "INSERT INTO senders (bot, chat, sender, since, count, told) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
                 ON CONFLICT DO UPDATE SET since = ?4, count = ?5, told = ?6",
            )?
            .execute(params![
                self.bot.0,
                chat,
                sender,
                since,
                count,
                told || over
            ])?;
        Ok(if over {
            Pace::Over {
                until: since + RATE_WINDOW_MS,
                tell: !told,
            }
        } else {
            Pace::Fine
        })
    }

    /// Whether a stranger is to be told today that the bot is private.
    pub(super) fn may_refuse(&self, chat: i64, sender: i64) -> Result<bool> {
        let changed = self
            .conn
            .prepare_cached(
                "INSERT INTO senders (bot, chat, sender, since, count, refused_at) \
                 VALUES (?1, ?2, ?3, ?4, 0, ?4) \
                 ON CONFLICT DO UPDATE SET refused_at = ?4 \
                 WHERE refused_at <= ?4 - ?5 OR refused_at > ?4",
            )?
            .execute(params![
                self.bot.0,
                chat,
                sender,
                self.now,
                REFUSAL_EVERY_MS
            ])?;
        Ok(changed > 0)
    }
}
