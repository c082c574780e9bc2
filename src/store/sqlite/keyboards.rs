//! Keyboards under answers: which message shows one, and the edits that put
//! another one there or take it away.
//!
//! Only the last answer of a conversation has buttons: whatever settles a later
//! turn takes those of the earlier ones away in the same transaction. What is
//! wanted is stored; the edit itself is idempotent, comes after everything that
//! people wait for, and is made by whoever finds it first.

use std::time::Duration;

use rusqlite::{OptionalExtension, params};

use super::Tx;
use crate::clock::{self, Millis};
use crate::domain::ids::{ChatId, ConversationId, TurnId};
use crate::domain::part::{Kind, Sending, Touch};
use crate::domain::turn::Outcome;
use crate::store::Result;

/// No wait lies further off; one that does was stored before the clock was set
/// back.
const FURTHEST_MS: Millis = 3_600_000;

/// After so many tries nobody looks at those buttons any more.
const TRIES: i64 = 12;

/// What a turn ended with has buttons.
const HAS_BUTTONS: [Outcome; 2] = [Outcome::Answered, Outcome::Cancelled];

impl Tx<'_> {
    /// A part has arrived: if buttons stand under it, they are known from now on.
    pub(super) fn keyboard_shown(&self, sending: &Sending, message: i64) -> Result<()> {
        let (Some(keyboard), Some(turn)) = (&sending.payload.keyboard, sending.turn) else {
            return Ok(());
        };
        if sending.kind != Kind::Answer {
            return Ok(());
        }
        let (conversation, ending): (i64, Option<i64>) = self
            .conn
            .prepare_cached("SELECT conversation, ending FROM turns WHERE id = ?1")?
            .query_row([turn.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if !ending.is_some_and(|code| HAS_BUTTONS.iter().any(|has| has.code() == code)) {
            return Ok(());
        }
        // What was forgotten on its way offers nothing.
        let forgotten = self.is_forgotten(sending)?;
        self.conn
            .prepare_cached(
                "INSERT OR REPLACE INTO keyboards \
                 (bot, chat, message, conversation, turn, wanted, stale) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                self.bot.0,
                sending.chat.0,
                message,
                conversation,
                turn.0,
                (!forgotten).then(|| keyboard.to_string()),
                forgotten
            ])?;
        Ok(())
    }

    /// Takes the buttons of a conversation's answers away, but for those of the
    /// turn that is its last now.
    pub(super) fn retire_keyboards(
        &self,
        conversation: ConversationId,
        but_for: Option<TurnId>,
    ) -> Result<bool> {
        let changed = self
            .conn
            .prepare_cached(
                "UPDATE keyboards SET wanted = NULL, stale = 1, version = version + 1, \
                        not_before = 0, tries = 0 \
                 WHERE conversation = ?1 AND turn IS NOT ?2 AND (stale = 0 OR wanted IS NOT NULL)",
            )?
            .execute(params![conversation.0, but_for.map(|turn| turn.0)])?;
        Ok(changed > 0)
    }

    /// A message of ours is to have this keyboard, or none.
    pub(super) fn want_keyboard(
        &self,
        chat: ChatId,
        message: i64,
        of: Option<(ConversationId, TurnId)>,
        keyboard: Option<&str>,
    ) -> Result<()> {
        self.conn
            .prepare_cached(
                "INSERT INTO keyboards (bot, chat, message, conversation, turn, wanted, stale) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1) \
                 ON CONFLICT DO UPDATE SET wanted = ?6, stale = 1, version = version + 1, \
                        not_before = 0, tries = 0",
            )?
            .execute(params![
                self.bot.0,
                chat.0,
                message,
                of.map(|(conversation, _)| conversation.0),
                of.map(|(_, turn)| turn.0),
                keyboard
            ])?;
        Ok(())
    }

    /// The message that ends the answer of a turn, where it has arrived.
    pub(super) fn last_message_of(&self, turn: TurnId) -> Result<Option<(ChatId, i64)>> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT chat, message_id FROM parts WHERE turn = ?1 AND kind = 0 AND state = 2 \
                   AND message_id IS NOT NULL ORDER BY seq DESC LIMIT 1",
            )?
            .query_row([turn.0], |row| Ok((ChatId(row.get(0)?), row.get(1)?)))
            .optional()?)
    }

    /// How long until a keyboard of this chat has to be changed; `None` when
    /// none has to.
    pub(super) fn keyboard_wait(&self, chat: ChatId) -> Result<Option<Duration>> {
        let at: Option<Millis> = self
            .conn
            .prepare_cached(
                "SELECT min(not_before) FROM keyboards WHERE bot = ?1 AND chat = ?2 AND stale = 1",
            )?
            .query_row(params![self.bot.0, chat.0], |row| row.get(0))?;
        Ok(at.map(|at| {
            let wait = Some(at - self.now).filter(|wait| *wait <= FURTHEST_MS);
            clock::duration(wait.unwrap_or(0))
        }))
    }

    /// Takes the next keyboard of a chat that has to be changed; for so long
    /// nobody else does.
    pub(super) fn begin_touch(&self, chat: ChatId, within: Duration) -> Result<Option<Touch>> {
        if self.keyboard_wait(chat)?.is_none_or(|wait| !wait.is_zero()) {
            return Ok(None);
        }
        Ok(self
            .conn
            .prepare_cached(
                "UPDATE keyboards SET not_before = ?3 WHERE bot = ?1 AND chat = ?2 AND message = \
                    (SELECT message FROM keyboards WHERE bot = ?1 AND chat = ?2 AND stale = 1 \
                     ORDER BY not_before, message LIMIT 1) \
                 RETURNING message, wanted, version, tries",
            )?
            .query_row(
                params![
                    self.bot.0,
                    chat.0,
                    self.now.saturating_add(clock::millis(within))
                ],
                |row| {
                    let wanted: Option<String> = row.get(1)?;
                    Ok(Touch {
                        chat,
                        message: row.get(0)?,
                        keyboard: wanted.and_then(|json| serde_json::from_str(&json).ok()),
                        version: row.get(2)?,
                        tries: row.get(3)?,
                    })
                },
            )
            .optional()?)
    }

    /// Stores what became of it: done with, or to be tried again after a while.
    /// Another wish that came meanwhile stands.
    pub(super) fn finish_touch(&self, touch: &Touch, again: Option<Duration>) -> Result<()> {
        let of = params![self.bot.0, touch.chat.0, touch.message, touch.version];
        match again {
            Some(pause) if touch.tries < TRIES => {
                let at = self.now.saturating_add(clock::millis(pause));
                self.conn
                    .prepare_cached(
                        "UPDATE keyboards SET not_before = ?5, tries = tries + 1 \
                         WHERE bot = ?1 AND chat = ?2 AND message = ?3 AND version = ?4",
                    )?
                    .execute(params![
                        self.bot.0,
                        touch.chat.0,
                        touch.message,
                        touch.version,
                        at
                    ])?;
            }
            _ if touch.keyboard.is_none() => {
                self.conn
                    .prepare_cached(
                        "DELETE FROM keyboards \
                         WHERE bot = ?1 AND chat = ?2 AND message = ?3 AND version = ?4",
                    )?
                    .execute(of)?;
            }
            _ => {
                self.conn
                    .prepare_cached(
                        "UPDATE keyboards SET stale = 0, not_before = 0, tries = 0 \
                         WHERE bot = ?1 AND chat = ?2 AND message = ?3 AND version = ?4",
                    )?
                    .execute(of)?;
            }
        }
        // Whoever changed his mind meanwhile need not wait for the lease.
        self.conn
            .prepare_cached(
                "UPDATE keyboards SET not_before = 0 \
                 WHERE bot = ?1 AND chat = ?2 AND message = ?3 AND version > ?4",
            )?
            .execute(params![
                self.bot.0,
                touch.chat.0,
                touch.message,
                touch.version
            ])?;
        Ok(())
    }

    /// Chats in which a keyboard has to be changed.
    pub(super) fn touches(&self) -> Result<Vec<ChatId>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT chat FROM keyboards WHERE bot = ?1 AND stale = 1 \
               AND (not_before <= ?2 OR not_before > ?3) GROUP BY chat LIMIT 1000",
        )?;
        let among = params![self.bot.0, self.now, self.now + FURTHEST_MS];
        let rows = statement.query_map(among, |row| Ok(ChatId(row.get(0)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}
