//! Message ids: what is known of each sequence, and which ids a cut part may
//! have been given.
//!
//! Telegram gives ids in ascending order: private chats and basic groups of a
//! bot share a sequence, a supergroup has its own. So an id that was known when
//! a send was begun is below the part's, and one that was given after the send
//! could no longer be carried out is above it. Between them are only ids that
//! people's messages or other sends of ours have, which are known here, and
//! those of messages that nobody told us of.
//!
//! **Which of them a probe may touch.** In the chat of a cut part every other
//! message of ours has a lower id than was known at its begin, because nothing
//! else is sent there meanwhile; but for ghosts: sends given up unproven, whose
//! id, if they have one, nobody knows. Unless all of them are certainly below,
//! because an id known at the begin was given after they could no longer be
//! carried out, the part is not probed.

use rusqlite::{OptionalExtension, params};

use super::Tx;
use crate::clock::Millis;
use crate::domain::ids::ChatId;
use crate::domain::update::Stamp;
use crate::store::Result;

/// Ids remembered one by one in each sequence: more than a busy bot is given
/// in the life of a send (30 a second each way, for 25 s).
const REMEMBERED: i64 = 2_048;

/// How seldom the older ones are forgotten: at every id that this divides.
const FORGET_EVERY: i64 = 64;

/// Telegram's clock may differ from ours by this much: what it calls a time is
/// taken for one that much earlier.
const SKEW_MS: Millis = 60_000;

/// What Telegram dates later than now, by more than clocks that are kept may
/// differ, shows that ours is behind.
const AHEAD_MS: Millis = 2_000;

impl Tx<'_> {
    /// Remembers a message that Telegram told us of.
    pub(super) fn saw_stamp(&self, stamp: Stamp) -> Result<()> {
        let date = stamp.date.saturating_mul(1_000);
        // From the future: our clock is behind, so what it says of this send or
        // that proves nothing beside what Telegram's says.
        let at = if date > self.now + AHEAD_MS {
            0
        } else {
            date - SKEW_MS
        };
        self.saw_message(stamp.chat, stamp.id, at)
    }

    /// Remembers that a message id was given, not earlier than `at`.
    pub(super) fn saw_message(&self, chat: ChatId, id: i64, at: Millis) -> Result<()> {
        if chat.is_relayed() {
            // Nothing is ever asked there.
            return Ok(());
        }
        let sequence = chat.id_sequence();
        self.conn
            .prepare_cached(
                "INSERT INTO sequences (bot, sequence, high) VALUES (?1, ?2, ?3) \
                 ON CONFLICT DO UPDATE SET high = excluded.high WHERE excluded.high > high",
            )?
            .execute(params![self.bot.0, sequence, id])?;
        self.conn
            .prepare_cached(
                "INSERT INTO seen (bot, sequence, id, at) VALUES (?1, ?2, ?3, ?4) \
                 ON CONFLICT DO UPDATE SET at = excluded.at WHERE excluded.at > at",
            )?
            .execute(params![self.bot.0, sequence, id, at])?;
        if id % FORGET_EVERY == 0 {
            self.conn
                .prepare_cached("DELETE FROM seen WHERE bot = ?1 AND sequence = ?2 AND id < ?3")?
                .execute(params![self.bot.0, sequence, id - REMEMBERED])?;
        }
        Ok(())
    }

    /// The highest id known in a chat's sequence; 0 = none.
    pub(super) fn high_water(&self, chat: ChatId) -> Result<i64> {
        Ok(self
            .conn
            .prepare_cached("SELECT high FROM sequences WHERE bot = ?1 AND sequence = ?2")?
            .query_row(params![self.bot.0, chat.id_sequence()], |row| row.get(0))
            .optional()?
            .unwrap_or(0))
    }

    /// Whether another message of ours than this part may stand in the chat
    /// under an unknown id above `high_water`.
    pub(super) fn is_haunted(&self, chat: ChatId, part: i64, high_water: i64) -> Result<bool> {
        let until: Option<Millis> = self
            .conn
            .prepare_cached(
                "SELECT max(until) FROM ghosts WHERE bot = ?1 AND chat = ?2 AND part <> ?3",
            )?
            .query_row(params![self.bot.0, chat.0, part], |row| row.get(0))?;
        let Some(until) = until else {
            return Ok(false);
        };
        let above = self.given_after(chat, 0, until)?;
        Ok(above.is_none_or(|id| id > high_water))
    }

    /// A send begun at this time has its message: what was given up before lies
    /// below it.
    pub(super) fn lay_ghosts(&self, chat: ChatId, begun_at: Millis) -> Result<()> {
        self.conn
            .prepare_cached("DELETE FROM ghosts WHERE bot = ?1 AND chat = ?2 AND until <= ?3")?
            .execute(params![self.bot.0, chat.0, begun_at])?;
        Ok(())
    }

    /// Another copy of this part may stand in the chat, not carried out later
    /// than `until`.
    pub(super) fn fear_ghost(&self, chat: ChatId, part: i64, until: Millis) -> Result<()> {
        self.conn
            .prepare_cached(
                "INSERT INTO ghosts (bot, chat, part, until) VALUES (?1, ?2, ?3, ?4) \
                 ON CONFLICT DO UPDATE SET until = max(until, excluded.until)",
            )?
            .execute(params![self.bot.0, chat.0, part, until])?;
        Ok(())
    }

    /// The clock was set back: what is noted in the time of before proves
    /// nothing any more.
    pub(super) fn distrust_stamps(&self) -> Result<()> {
        self.conn
            .prepare_cached("UPDATE seen SET at = 0 WHERE bot = ?1 AND at > ?2")?
            .execute(params![self.bot.0, self.now])?;
        Ok(())
    }

    /// This part was given up, but it is proven not to have been sent: not now,
    /// and not before.
    pub(super) fn is_no_ghost(&self, chat: ChatId, part: i64) -> Result<()> {
        self.conn
            .prepare_cached(
                "DELETE FROM ghosts WHERE bot = ?1 AND chat = ?2 AND part = ?3 \
                 AND NOT EXISTS (SELECT 1 FROM parts WHERE id = ?3 AND resent > 0)",
            )?
            .execute(params![self.bot.0, chat.0, part])?;
        Ok(())
    }

    /// The lowest id above this one that is known to have been given at that
    /// time or later.
    pub(super) fn given_after(
        &self,
        chat: ChatId,
        above: i64,
        time: Millis,
    ) -> Result<Option<i64>> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT id FROM seen WHERE bot = ?1 AND sequence = ?2 AND id > ?3 AND at >= ?4 \
                 ORDER BY id LIMIT 1",
            )?
            .query_row(
                params![self.bot.0, chat.id_sequence(), above, time],
                |row| row.get(0),
            )
            .optional()?)
    }

    /// The first ids above `above` (and below `below`) that nobody is known to
    /// have, at most `limit`.
    pub(super) fn unknown_ids(
        &self,
        chat: ChatId,
        above: i64,
        below: Option<i64>,
        limit: usize,
    ) -> Result<Vec<i64>> {
        let below = below.unwrap_or(i64::MAX);
        let mut statement = self.conn.prepare_cached(
            "SELECT id FROM seen WHERE bot = ?1 AND sequence = ?2 AND id > ?3 AND id < ?4 \
             ORDER BY id",
        )?;
        let mut known = statement.query(params![self.bot.0, chat.id_sequence(), above, below])?;
        let mut unknown = Vec::new();
        let mut id = above.saturating_add(1);
        while unknown.len() < limit && id < below {
            let next = match known.next()? {
                Some(row) => row.get(0)?,
                None => below,
            };
            let room = limit - unknown.len();
            unknown.extend((id..next).take(room));
            id = next.saturating_add(1);
        }
        Ok(unknown)
    }
}
