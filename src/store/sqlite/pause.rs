//! The pause: while one is in force no turn begins, in no process.
//!
//! It holds where claims are made, so that whoever comes honours it. People are
//! told once for each pause and conversation, in the transaction that would have
//! begun their turn.

use rusqlite::{OptionalExtension, params};

use super::Tx;
use crate::domain::ids::{ChatId, TurnId};
use crate::domain::language::Language;
use crate::domain::part::{Kind, Payload};
use crate::store::desk::Paused;
use crate::store::{Ask, Next, Result};
use crate::texts::Texts;

/// Characters of a reason that are kept: it has to fit beside everything else
/// that a status says.
const REASON_CHARS: usize = 300;

impl Tx<'_> {
    pub(super) fn pause(&self, reason: Option<&str>) -> Result<Paused> {
        let reason: Option<String> = reason.map(|all| all.chars().take(REASON_CHARS).collect());
        self.conn
            .prepare_cached(
                // Its number stays, or everybody would be told again.
                "INSERT INTO pauses (bot, since, reason) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (bot) DO UPDATE SET reason = coalesce(excluded.reason, reason)",
            )?
            .execute(params![self.bot.0, self.now, reason])?;
        Ok(self.paused()?.expect("it was stored a moment ago"))
    }

    pub(super) fn resume(&self) -> Result<Option<Paused>> {
        let ended = self.paused()?;
        self.conn
            .prepare_cached("DELETE FROM pauses WHERE bot = ?1")?
            .execute([self.bot.0])?;
        Ok(ended)
    }

    pub(super) fn paused(&self) -> Result<Option<Paused>> {
        Ok(self
            .conn
            .prepare_cached("SELECT since, reason FROM pauses WHERE bot = ?1")?
            .query_row([self.bot.0], |row| {
                let since: i64 = row.get(0)?;
                Ok(Paused {
                    since,
                    for_ms: u64::try_from(self.now - since).unwrap_or(0),
                    reason: row.get(1)?,
                })
            })
            .optional()?)
    }

    /// The number of the pause in force.
    pub(super) fn pause_number(&self) -> Result<Option<i64>> {
        Ok(self
            .conn
            .prepare_cached("SELECT number FROM pauses WHERE bot = ?1")?
            .query_row([self.bot.0], |row| row.get(0))
            .optional()?)
    }

    /// The turn would begin and may not: its people hear so, once.
    pub(super) fn hold_back(&self, ask: &Ask, turn: TurnId, pause: i64) -> Result<Next> {
        let told: Option<(i64, i64)> = self
            .conn
            .prepare_cached(
                "UPDATE conversations SET pause_told = ?2 WHERE id = ?1 AND pause_told <> ?2 \
                 RETURNING chat, topic",
            )?
            .query_row(params![ask.conversation.0, pause], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let Some((chat, topic)) = told else {
            return Ok(Next::Idle);
        };
        let language = Language::told(self.language(turn)?.as_deref());
        let words = Payload::plain(Texts::of(language).paused);
        let topic = (topic != 0).then_some(topic);
        self.plan_notice(ChatId(chat), topic, Kind::Notice, &words, ask.owner)?;
        // Whoever asks looks into the outbox then.
        Ok(Next::Busy)
    }
}
