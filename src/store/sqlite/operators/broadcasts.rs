//! Broadcasts: a row each from the question to the end, with how far it has
//! come. Its messages are planned a few at a time, in the order of the chats,
//! so that a death repeats none and forgets none, and nobody's answer has to
//! wait behind them.

use rusqlite::{OptionalExtension, params};

use super::super::{Tx, unknown_code};
use crate::domain::ids::{ChatId, InstanceId};
use crate::domain::operator::broadcast::{AT_ONCE, OPEN_MAX, Progress, State};
use crate::domain::part::{self, Payload};
use crate::store::Result;
use crate::store::operators::Spread;

/// Broadcasts that are remembered, without their texts.
const KEPT: i64 = 100;

/// Private chats of people who were let in once, and have not blocked the bot.
/// Everything but `?3` (an upper bound of conversations) and what is selected.
const REACHED: &str = "FROM conversations AS c WHERE c.bot = ?1 AND c.chat > ?2 AND c.id <= ?3 \
     AND c.kind = 'private' AND c.gone = 0 \
     AND NOT EXISTS (SELECT 1 FROM banned AS b WHERE b.bot = ?1 AND b.id = c.chat) \
     AND (EXISTS (SELECT 1 FROM messages AS m WHERE m.conversation = c.id) \
       OR EXISTS (SELECT 1 FROM controls AS k WHERE k.conversation = c.id \
                  AND k.effect <> 'refused'))";

/// A broadcast that goes out.
struct Running {
    number: i64,
    chat: i64,
    topic: Option<i64>,
    text: String,
    upto: i64,
    cursor: i64,
}

impl Tx<'_> {
    /// Keeps a broadcast until its operator has said yes. Returns its number
    /// and how many chats it would go to.
    pub(super) fn propose(
        &self,
        chat: ChatId,
        topic: Option<i64>,
        text: &str,
    ) -> Result<(i64, i64)> {
        // The one that was asked about before has had no answer, and gets none.
        self.drop_proposals(None, i64::MAX)?;
        self.conn
            .prepare_cached(
                "INSERT INTO broadcasts (bot, chat, topic, text, state, at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                self.bot.0,
                chat.0,
                topic,
                text,
                State::Asked.code(),
                self.now
            ])?;
        let number = self.conn.last_insert_rowid();
        self.conn
            .prepare_cached("DELETE FROM broadcasts WHERE bot = ?1 AND number <= ?2")?
            .execute(params![self.bot.0, number - KEPT])?;
        Ok((number, self.reach(i64::MAX)?))
    }

    fn reach(&self, upto: i64) -> Result<i64> {
        Ok(self
            .conn
            .prepare_cached(&format!("SELECT count(DISTINCT c.chat) {REACHED}"))?
            .query_row(params![self.bot.0, 0, upto], |row| row.get(0))?)
    }

    /// Whether what belongs to this errand is not to be sent any more: a
    /// broadcast that was ended while some of it was on its way.
    pub(in super::super) fn is_called_off(&self, errand: Option<i64>) -> Result<bool> {
        match errand {
            Some(number) if number > 0 => Ok(self.state_of(number)? == Some(State::Halted)),
            _ => Ok(false),
        }
    }

    /// Whether one goes out.
    pub(super) fn is_broadcasting(&self) -> Result<bool> {
        Ok(self.running()?.is_some())
    }

    /// Sends one off that was asked about; false when it no longer can be.
    pub(super) fn send_off(&self, number: i64) -> Result<Option<Progress>> {
        if self.state_of(number)? != Some(State::Asked) || self.is_broadcasting()? {
            return Ok(None);
        }
        let upto: i64 = self
            .conn
            .prepare_cached("SELECT coalesce(max(id), 0) FROM conversations")?
            .query_row([], |row| row.get(0))?;
        self.conn
            .prepare_cached(
                "UPDATE broadcasts SET state = ?2, upto = ?3, chats = ?4, at = ?5 WHERE number = ?1",
            )?
            .execute(params![
                number,
                State::Running.code(),
                upto,
                self.reach(upto)?,
                self.now
            ])?;
        self.progress(Some(number))
    }

    /// Ends one: what is not on its way is taken back. False when there is
    /// nothing to end.
    pub(super) fn call_off(&self, number: i64, from: State) -> Result<bool> {
        if self.state_of(number)? != Some(from) {
            return Ok(false);
        }
        self.conn
            .prepare_cached(
                "UPDATE parts SET state = ?2, settled_at = ?3 WHERE errand = ?1 AND state = 0",
            )?
            .execute(params![number, part::State::Withdrawn.code(), self.now])?;
        self.end_broadcast(number, State::Halted)?;
        Ok(true)
    }

    /// What nobody said yes to is not kept: of this chat, or asked before then.
    pub(in super::super) fn drop_proposals(&self, of: Option<ChatId>, before: i64) -> Result<()> {
        self.conn
            .prepare_cached(
                "UPDATE broadcasts SET state = ?2, text = '', ended_at = at WHERE bot = ?1 \
                 AND state = 0 AND (chat = ?3 OR at < ?4)",
            )?
            .execute(params![
                self.bot.0,
                State::Halted.code(),
                of.map(|chat| chat.0),
                before
            ])?;
        Ok(())
    }

    fn end_broadcast(&self, number: i64, state: State) -> Result<()> {
        let (sent, refused) = self.delivered(number)?;
        self.conn
            .prepare_cached(
                "UPDATE broadcasts SET state = ?2, text = '', sent = ?3, refused = ?4, \
                        ended_at = ?5 WHERE number = ?1",
            )?
            .execute(params![number, state.code(), sent, refused, self.now])?;
        Ok(())
    }

    fn state_of(&self, number: i64) -> Result<Option<State>> {
        let state: Option<i64> = self
            .conn
            .prepare_cached("SELECT state FROM broadcasts WHERE number = ?1 AND bot = ?2")?
            .query_row(params![number, self.bot.0], |row| row.get(0))
            .optional()?;
        state
            .map(|code| State::from_code(code).ok_or_else(|| unknown_code("broadcast", code)))
            .transpose()
    }

    /// How many of its messages have arrived, and how many were refused.
    fn delivered(&self, number: i64) -> Result<(i64, i64)> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT count(*) FILTER (WHERE state = 2 AND message_id IS NOT NULL), \
                        count(*) FILTER (WHERE state = 4) \
                 FROM parts WHERE errand = ?1",
            )?
            .query_row([number], |row| Ok((row.get(0)?, row.get(1)?)))?)
    }

    /// How far a broadcast has come; the last one when none is named.
    pub(super) fn progress(&self, number: Option<i64>) -> Result<Option<Progress>> {
        let found = self
            .conn
            .prepare_cached(
                "SELECT number, state, chats, sent, refused, at, ended_at FROM broadcasts \
                 WHERE bot = ?1 AND (?2 IS NULL OR number = ?2) ORDER BY number DESC LIMIT 1",
            )?
            .query_row(params![self.bot.0, number], |row| {
                let ended: Option<i64> = row.get(6)?;
                Ok((
                    row.get::<_, i64>(1)?,
                    Progress {
                        number: row.get(0)?,
                        state: State::Asked,
                        chats: row.get(2)?,
                        sent: row.get(3)?,
                        refused: row.get(4)?,
                        took: ended.unwrap_or(self.now) - row.get::<_, i64>(5)?,
                    },
                ))
            })
            .optional()?;
        let Some((code, mut progress)) = found else {
            return Ok(None);
        };
        progress.state = State::from_code(code).ok_or_else(|| unknown_code("broadcast", code))?;
        if progress.state == State::Running {
            (progress.sent, progress.refused) = self.delivered(progress.number)?;
        }
        Ok(Some(progress))
    }

    fn running(&self) -> Result<Option<Running>> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT number, chat, topic, text, upto, cursor FROM broadcasts \
                 WHERE bot = ?1 AND state = 1 ORDER BY number LIMIT 1",
            )?
            .query_row([self.bot.0], |row| {
                Ok(Running {
                    number: row.get(0)?,
                    chat: row.get(1)?,
                    topic: row.get(2)?,
                    text: row.get(3)?,
                    upto: row.get(4)?,
                    cursor: row.get(5)?,
                })
            })
            .optional()?)
    }

    pub(super) fn spread(&self, owner: InstanceId) -> Result<Spread> {
        let Some(running) = self.running()? else {
            return Ok(Spread::default());
        };
        // A chat that takes no more for a while, or of which nobody knows yet
        // whether it has arrived, holds up no other.
        let (open, ready): (u32, u32) = self
            .conn
            .prepare_cached(
                "SELECT count(*), \
                        count(*) FILTER (WHERE state = 1 OR state = 0 AND not_before <= ?2) \
                 FROM parts WHERE errand = ?1 AND state IN (0, 1, 3)",
            )?
            .query_row(params![running.number, self.now], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        let room = AT_ONCE
            .saturating_sub(ready)
            .min(OPEN_MAX.saturating_sub(open));
        // Where many chats take no more it is rather the bot that is to wait.
        let room = if open - ready < AT_ONCE {
            room
        } else {
            room.min(1)
        };
        let next: Vec<i64> = self
            .conn
            .prepare_cached(&format!(
                "SELECT DISTINCT c.chat {REACHED} ORDER BY c.chat LIMIT ?4"
            ))?
            .query_map(
                params![self.bot.0, running.cursor, running.upto, room],
                |row| row.get(0),
            )?
            .collect::<rusqlite::Result<_>>()?;
        let payload = Payload::plain(running.text);
        for chat in &next {
            self.plan_errand(ChatId(*chat), None, &payload, running.number, owner)?;
        }
        if let Some(last) = next.last() {
            self.conn
                .prepare_cached("UPDATE broadcasts SET cursor = ?2 WHERE number = ?1")?
                .execute(params![running.number, last])?;
        }
        let mut chats: Vec<ChatId> = next.into_iter().map(ChatId).collect();
        let goes_on = !chats.is_empty() || open > 0;
        if !goes_on {
            self.end_broadcast(running.number, State::Done)?;
            let chat = ChatId(running.chat);
            if let Some(done) = self.progress(Some(running.number))? {
                let words = Payload::plain(done.text());
                self.plan_errand(chat, running.topic, &words, super::NOTICE, owner)?;
                chats.push(chat);
            }
        }
        Ok(Spread { chats, goes_on })
    }

    /// Whether the bot can speak in a chat: it was blocked there, or heard from
    /// it again.
    pub(in super::super) fn is_gone(&self, chat: ChatId, gone: bool) -> Result<()> {
        self.conn
            .prepare_cached(
                "UPDATE conversations SET gone = ?3 WHERE bot = ?1 AND chat = ?2 AND gone <> ?3",
            )?
            .execute(params![self.bot.0, chat.0, gone])?;
        Ok(())
    }
}
