//! Lives: a row for each instance that became the active one, how it ended, and
//! what operators were told of it.

use rusqlite::{OptionalExtension, params};

use super::super::dead::Dead;
use super::super::{Tx, unknown_code};
use crate::clock::{Millis, millis};
use crate::domain::ids::{ChatId, InstanceId};
use crate::domain::operator::life::{End, Farewell, Last, START_EVERY, Start};
use crate::domain::{part, turn};
use crate::store::Result;
use crate::store::operators::Audience;

/// Lives that are remembered.
const KEPT: i64 = 100;

impl Tx<'_> {
    pub(super) fn rise(
        &self,
        me: InstanceId,
        version: &str,
        audience: &Audience,
    ) -> Result<Vec<ChatId>> {
        // What an older binary has reaped died, too.
        self.conn
            .prepare_cached(
                "UPDATE lives SET ended_at = seen_at, how = ?2 WHERE bot = ?1 \
                 AND ended_at IS NULL AND instance NOT IN (SELECT id FROM instances)",
            )?
            .execute(params![self.bot.0, End::Killed.code()])?;
        let last = self.last_life(me)?;
        let begun = self
            .conn
            .prepare_cached(
                "INSERT INTO lives (bot, instance, version, rose_at, seen_at) \
                 VALUES (?1, ?2, ?3, ?4, ?4) ON CONFLICT DO NOTHING",
            )?
            .execute(params![self.bot.0, me.0, version, self.now])?;
        if begun == 0 {
            return Ok(Vec::new());
        }
        self.conn
            .prepare_cached(
                "DELETE FROM lives WHERE bot = ?1 AND number <= \
                 (SELECT max(number) FROM lives WHERE bot = ?1) - ?2",
            )?
            .execute(params![self.bot.0, KEPT])?;
        let crashed = matches!(
            last,
            Some(Last::Ended {
                how: End::Killed | End::Crashed,
                ..
            })
        );
        if !self.is_heard(audience)? {
            return Ok(Vec::new());
        }
        if crashed && self.told_of_start_lately()? {
            // Said once it has lasted, with how often that was.
            self.conn
                .prepare_cached("UPDATE lives SET owes = 1 WHERE instance = ?1")?
                .execute([me.0])?;
            return Ok(Vec::new());
        }
        self.say_started(me, version, last, audience)
    }

    /// The life before that of `me`.
    fn last_life(&self, me: InstanceId) -> Result<Option<Last>> {
        let last: Option<(Option<Millis>, Option<i64>)> = self
            .conn
            .prepare_cached(
                "SELECT ended_at, how FROM lives WHERE bot = ?1 AND instance <> ?2 \
                 ORDER BY number DESC LIMIT 1",
            )?
            .query_row(params![self.bot.0, me.0], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        Ok(match last {
            None => None,
            Some((Some(at), Some(how))) => Some(Last::Ended {
                how: End::from_code(how).ok_or_else(|| unknown_code("end", how))?,
                at,
            }),
            Some(_) => Some(Last::StillDraining),
        })
    }

    fn told_of_start_lately(&self) -> Result<bool> {
        let told: Option<Millis> = self
            .conn
            .prepare_cached("SELECT max(told_at) FROM lives WHERE bot = ?1")?
            .query_row([self.bot.0], |row| row.get(0))?;
        Ok(told.is_some_and(|at| at <= self.now && self.now - at < millis(START_EVERY)))
    }

    fn say_started(
        &self,
        me: InstanceId,
        version: &str,
        last: Option<Last>,
        audience: &Audience,
    ) -> Result<Vec<ChatId>> {
        let untold: i64 = self
            .conn
            .prepare_cached(
                "SELECT count(*) FROM lives WHERE bot = ?1 AND instance <> ?2 AND number > \
                 coalesce((SELECT max(number) FROM lives WHERE bot = ?1 AND told_at IS NOT NULL), \
                          ?3)",
            )?
            .query_row(params![self.bot.0, me.0, i64::MAX], |row| row.get(0))?;
        let turns: i64 = self
            .conn
            .prepare_cached(
                "SELECT count(*) FROM turns WHERE bot = ?1 AND state IN (0, 1) AND state < 4",
            )?
            .query_row([self.bot.0], |row| row.get(0))?;
        self.conn
            .prepare_cached("UPDATE lives SET told_at = ?2, owes = 0 WHERE instance = ?1")?
            .execute(params![me.0, self.now])?;
        let start = Start {
            version,
            last,
            untold,
            turns,
            now: self.now,
        };
        self.tell(audience, start.text(), me)
    }

    /// Says what was held back after a crash, once it has lasted.
    pub(super) fn remind_of_start(
        &self,
        me: InstanceId,
        audience: &Audience,
    ) -> Result<Vec<ChatId>> {
        let owed: Option<String> = self
            .conn
            .prepare_cached("SELECT version FROM lives WHERE instance = ?1 AND owes = 1")?
            .query_row([me.0], |row| row.get(0))
            .optional()?;
        let Some(version) = owed else {
            return Ok(Vec::new());
        };
        if self.told_of_start_lately()? || !self.is_heard(audience)? {
            return Ok(Vec::new());
        }
        let last = self.last_life(me)?;
        self.say_started(me, &version, last, audience)
    }

    pub(super) fn bid_farewell(
        &self,
        me: InstanceId,
        farewell: &Farewell,
        audience: &Audience,
    ) -> Result<Vec<ChatId>> {
        let version: Option<String> = self
            .conn
            .prepare_cached(
                "UPDATE lives SET ended_at = ?2, seen_at = ?2, how = ?3 \
                 WHERE instance = ?1 AND ended_at IS NULL RETURNING version",
            )?
            .query_row(params![me.0, self.now, farewell.end.code()], |row| {
                row.get(0)
            })
            .optional()?;
        // A standby that never was the active one is nobody's business.
        let Some(version) = version else {
            return Ok(Vec::new());
        };
        if !self.is_heard(audience)? {
            return Ok(Vec::new());
        }
        let parked: i64 = self
            .conn
            .prepare_cached(
                "SELECT count(*) FROM turns WHERE bot = ?1 AND state IN (?2, ?3) AND state < 4",
            )?
            .query_row(
                params![
                    self.bot.0,
                    turn::State::Gathering.code(),
                    turn::State::Sealed.code()
                ],
                |row| row.get(0),
            )?;
        let uncertain: i64 = self
            .conn
            .prepare_cached(
                "SELECT count(*) FROM parts WHERE owner = ?1 AND state IN (?2, ?3) \
                 AND state IN (0, 1, 3) AND errand IS NULL",
            )?
            .query_row(
                params![
                    me.0,
                    part::State::Sending.code(),
                    part::State::Uncertain.code()
                ],
                |row| row.get(0),
            )?;
        let text = farewell.text(&version, parked, uncertain, self.now);
        self.tell(audience, text, me)
    }

    /// The life of a dead instance is over.
    pub(in super::super) fn ends_life(&self, dead: Dead) -> Result<()> {
        let how = match dead.aborted {
            true => End::Crashed,
            false => End::Killed,
        };
        self.conn
            .prepare_cached(
                "UPDATE lives SET ended_at = seen_at, how = ?2 \
                 WHERE instance = ?1 AND ended_at IS NULL",
            )?
            .execute(params![dead.id.0, how.code()])?;
        Ok(())
    }

    /// A sign of life of whoever is active, on the way of another write.
    pub(in super::super) fn is_alive(&self) -> Result<()> {
        self.conn
            .prepare_cached("UPDATE lives SET seen_at = ?2 WHERE bot = ?1 AND ended_at IS NULL")?
            .execute(params![self.bot.0, self.now])?;
        Ok(())
    }
}
