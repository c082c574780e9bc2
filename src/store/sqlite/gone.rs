//! Chats in which the bot may not speak any more: it was blocked or removed.
//!
//! What waits there can be answered to nobody: its turns end in the transaction
//! that learns of it, before anybody pays for an answer. What is on its way
//! already finds its end by what Telegram says to it.

use rusqlite::params;

use super::Tx;
use super::accept::Accepting;
use crate::domain::ids::{ChatId, ConversationId, TurnId};
use crate::domain::part;
use crate::domain::turn::{Outcome, State};
use crate::store::Result;

impl Accepting<'_, '_> {
    /// Ends everything that waits for this chat.
    pub(super) fn expelled(&mut self, chat: ChatId) -> Result<()> {
        for (conversation, turn, state) in self.tx.open_in(chat)? {
            if state == State::Gathering.code() {
                // It has its place: when the bot is let in again, Retry finds it.
                self.tx.seal(conversation, turn)?;
            }
            if state == State::Claimed.code() {
                self.done.cut.push(turn);
            }
            if state != State::Answered.code() {
                self.tx.settle(turn, Outcome::Undeliverable)?;
            }
        }
        self.tx.is_gone(chat, true)?;
        self.tx.give_up_chat(chat)
    }
}

impl Tx<'_> {
    fn open_in(&self, chat: ChatId) -> Result<Vec<(ConversationId, TurnId, i64)>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT t.conversation, t.id, t.state FROM conversations AS c \
             CROSS JOIN turns AS t INDEXED BY turns_open ON t.conversation = c.id \
             WHERE c.bot = ?1 AND c.chat = ?2 AND t.state < 4 ORDER BY t.seal_no, t.id",
        )?;
        let rows = statement.query_map(params![self.bot.0, chat.0], |row| {
            Ok((
                ConversationId(row.get(0)?),
                TurnId(row.get(1)?),
                row.get(2)?,
            ))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Nothing that is planned is sent any more.
    fn give_up_chat(&self, chat: ChatId) -> Result<()> {
        let turns: Vec<Option<i64>> = self
            .conn
            .prepare_cached(
                "UPDATE parts SET state = ?3, settled_at = ?4 \
                 WHERE bot = ?1 AND chat = ?2 AND state = 0 AND state IN (0, 1, 3) RETURNING turn",
            )?
            .query_map(
                params![
                    self.bot.0,
                    chat.0,
                    part::State::Undeliverable.code(),
                    self.now
                ],
                |row| row.get(0),
            )?
            .collect::<rusqlite::Result<_>>()?;
        for turn in turns.into_iter().flatten() {
            self.settle_delivered(TurnId(turn))?;
        }
        self.conn
            .prepare_cached("DELETE FROM keyboards WHERE bot = ?1 AND chat = ?2 AND stale = 1")?
            .execute(params![self.bot.0, chat.0])?;
        Ok(())
    }
}
