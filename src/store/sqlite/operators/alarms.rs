//! Troubles: a row per cause, with what was told of it and what was held back,
//! so that a restart repeats nothing and forgets nothing.

use std::time::Duration;

use rusqlite::{OptionalExtension, params};

use super::super::Tx;
use crate::clock::{Millis, duration, millis};
use crate::domain::ids::{ChatId, InstanceId};
use crate::domain::operator::alarm::{Cause, EVERY, Episode, Tell};
use crate::domain::turn::Outcome;
use crate::store::Result;
use crate::store::operators::Audience;

/// No failed turn is looked for further back than this after the last look.
const MARK_EVERY: Millis = 3_600_000;

/// What is known of a cause.
#[derive(Default)]
struct Known {
    /// Since when it lasts; `None` when it is over.
    since: Option<Millis>,
    /// When it was over, where that could not be told yet.
    until: Option<Millis>,
    /// When it came up last.
    last_at: Millis,
    /// How often it came up since it was told of.
    held: i64,
    /// When anything of it was told last.
    told_at: Option<Millis>,
    /// Whether this episode was told of.
    is_told: bool,
    detail: Option<String>,
}

impl Tx<'_> {
    fn alarm_of(&self, cause: Cause) -> Result<Known> {
        let known = self
            .conn
            .prepare_cached(
                "SELECT since, last_at, held, told_at, is_told, detail, until FROM alarms \
                 WHERE bot = ?1 AND cause = ?2",
            )?
            .query_row(params![self.bot.0, cause.as_str()], |row| {
                Ok(Known {
                    since: row.get(0)?,
                    last_at: row.get(1)?,
                    held: row.get(2)?,
                    told_at: row.get(3)?,
                    is_told: row.get(4)?,
                    detail: row.get(5)?,
                    until: row.get(6)?,
                })
            })
            .optional()?;
        Ok(known.unwrap_or_default())
    }

    fn keep_alarm(&self, cause: Cause, known: &Known) -> Result<()> {
        self.conn
            .prepare_cached(
                "INSERT OR REPLACE INTO alarms \
                 (bot, cause, since, last_at, held, told_at, is_told, detail, until) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                self.bot.0,
                cause.as_str(),
                known.since,
                known.last_at,
                known.held,
                known.told_at,
                known.is_told,
                known.detail,
                known.until
            ])?;
        Ok(())
    }

    /// Whether nothing of it was told within the hour. What was told in the
    /// future was told before the clock was set back.
    fn may_tell(&self, known: &Known, audience: &Audience) -> Result<bool> {
        let lately = known
            .told_at
            .is_some_and(|at| at <= self.now && self.now - at < millis(EVERY));
        Ok(!lately && self.is_heard(audience)?)
    }

    /// Says what is known of a cause.
    fn say_alarm(
        &self,
        cause: Cause,
        known: &mut Known,
        audience: &Audience,
        owner: InstanceId,
    ) -> Result<Vec<ChatId>> {
        let text = cause.text(&Episode {
            since: known.since.unwrap_or(known.last_at),
            times: known.held.max(1),
            is_told: known.is_told,
            detail: known.detail.clone(),
            now: known.until.unwrap_or(self.now),
        });
        known.told_at = Some(self.now);
        known.is_told = true;
        known.held = 0;
        self.tell(audience, text, owner)
    }

    pub(super) fn alarm(
        &self,
        cause: Cause,
        times: u64,
        ago: Duration,
        detail: Option<String>,
        audience: &Audience,
        owner: InstanceId,
    ) -> Result<Vec<ChatId>> {
        let mut known = self.alarm_of(cause)?;
        if known.since.is_none() {
            known.since = Some(self.now - millis(ago));
            known.is_told = false;
        }
        known.until = None;
        known.last_at = self.now;
        known.held = known
            .held
            .saturating_add(i64::try_from(times).unwrap_or(i64::MAX));
        known.detail = detail;
        let mut chats = Vec::new();
        if cause.tell() == Tell::AtOnce && self.may_tell(&known, audience)? {
            chats = self.say_alarm(cause, &mut known, audience, owner)?;
        }
        self.keep_alarm(cause, &known)?;
        Ok(chats)
    }

    pub(super) fn calm(
        &self,
        cause: Cause,
        audience: &Audience,
        owner: InstanceId,
    ) -> Result<Vec<ChatId>> {
        let mut known = self.alarm_of(cause)?;
        let Some(since) = known.since else {
            return Ok(Vec::new());
        };
        let mut chats = Vec::new();
        match cause.tell() {
            Tell::AtOnce if known.is_told => {
                if let Some(text) = cause.over(since, self.now)
                    && self.is_heard(audience)?
                {
                    chats = self.tell(audience, text, owner)?;
                }
            }
            Tell::Afterwards if self.may_tell(&known, audience)? => {
                chats = self.say_alarm(cause, &mut known, audience, owner)?;
            }
            Tell::Afterwards if known.held > 0 && self.is_heard(audience)? => {
                // Another was told of within the hour: this one when that is over.
                known.until = Some(known.until.unwrap_or(self.now));
                return self.keep_alarm(cause, &known).map(|()| chats);
            }
            _ => {}
        }
        (known.since, known.until) = (None, None);
        // Whoever heard that it is over needs to hear nothing more of it.
        if known.is_told && cause.fades().is_none() {
            known.held = 0;
        }
        self.keep_alarm(cause, &known)?;
        Ok(chats)
    }

    /// What is not over.
    pub(super) fn alarms(&self) -> Result<Vec<Cause>> {
        self.causes("until IS NULL")
    }

    /// What is not over, or over and still to be told.
    fn causes(&self, which: &str) -> Result<Vec<Cause>> {
        let mut statement = self.conn.prepare_cached(&format!(
            "SELECT cause FROM alarms WHERE bot = ?1 AND since IS NOT NULL AND {which}"
        ))?;
        let words = statement.query_map([self.bot.0], |row| row.get::<_, String>(0))?;
        let words = words.collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(words.iter().filter_map(|word| Cause::parse(word)).collect())
    }

    pub(super) fn remind_of_alarms(
        &self,
        owner: InstanceId,
        audience: &Audience,
    ) -> Result<Vec<ChatId>> {
        let mut chats = self.look_for_failed(audience, owner)?;
        for cause in self.causes("true")? {
            let mut known = self.alarm_of(cause)?;
            if known.until.is_some() {
                if self.may_tell(&known, audience)? {
                    chats.extend(self.say_alarm(cause, &mut known, audience, owner)?);
                    (known.since, known.until) = (None, None);
                    self.keep_alarm(cause, &known)?;
                }
                continue;
            }
            let fades = cause.fades().is_some_and(|after| {
                // Later than now: before the clock was set back.
                known.last_at > self.now || duration(self.now - known.last_at) >= after
            });
            if fades && known.held == 0 {
                chats.extend(self.calm(cause, audience, owner)?);
            } else if known.held > 0
                && cause.tell() == Tell::AtOnce
                && self.may_tell(&known, audience)?
            {
                chats.extend(self.say_alarm(cause, &mut known, audience, owner)?);
                self.keep_alarm(cause, &known)?;
            } else if fades {
                // Nobody is there to be told.
                known.held = 0;
                self.keep_alarm(cause, &known)?;
            }
        }
        Ok(chats)
    }

    /// Counts turns that failed since the last look.
    fn look_for_failed(&self, audience: &Audience, owner: InstanceId) -> Result<Vec<ChatId>> {
        let key = format!("failed_seen:{}", self.bot);
        let mark: Option<Millis> = self.value(&key)?.and_then(|at| at.parse().ok());
        let failed: i64 = match mark {
            Some(mark) if mark <= self.now => self
                .conn
                .prepare_cached(
                    "SELECT count(*) FROM turns WHERE settled_at >= ?1 AND settled_at < ?2 \
                     AND settled_at IS NOT NULL AND bot = ?3 AND outcome = ?4",
                )?
                .query_row(
                    params![mark, self.now, self.bot.0, Outcome::Failed.code()],
                    |row| row.get(0),
                )?,
            // The first look ever, or the clock was set back.
            _ => 0,
        };
        let fresh = mark.is_some_and(|mark| (0..MARK_EVERY).contains(&(self.now - mark)));
        if failed == 0 && fresh {
            return Ok(Vec::new());
        }
        self.conn
            .prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")?
            .execute(params![key, self.now.to_string()])?;
        if failed == 0 {
            return Ok(Vec::new());
        }
        let times = failed.unsigned_abs();
        self.alarm(Cause::Failed, times, Duration::ZERO, None, audience, owner)
    }
}
