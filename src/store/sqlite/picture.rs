//! How the store stands, for whoever looks on: counts and ages of what is open,
//! and what was spent. Reads by index only, for it is asked again and again.

use std::time::Duration;

use rusqlite::params;

use super::{Tx, unknown_code};
use crate::clock;
use crate::domain::ids::InstanceId;
use crate::domain::part;
use crate::domain::turn::State;
use crate::store::Result;
use crate::store::desk::{Crowd, Instance, Picture, Usage};

impl Tx<'_> {
    /// Everything but who of the instances lives.
    pub(super) fn picture(&self) -> Result<Picture> {
        let mut picture = Picture {
            paused: self.paused()?,
            ..Picture::default()
        };
        let mut statement = self.conn.prepare_cached(
            "SELECT state, count(*), min(opened_at) FROM turns INDEXED BY turns_open \
             WHERE state < 4 AND bot = ?1 GROUP BY state",
        )?;
        let mut rows = statement.query([self.bot.0])?;
        while let Some(row) = rows.next()? {
            let code: i64 = row.get(0)?;
            let state = State::from_code(code).ok_or_else(|| unknown_code("state", code))?;
            let crowd = Crowd {
                count: row.get::<_, i64>(1)?.unsigned_abs(),
                oldest_ms: self.age(row.get(2)?),
            };
            if matches!(state, State::Gathering | State::Sealed) {
                let oldest = picture.oldest_waiting_ms.unwrap_or(0).max(crowd.oldest_ms);
                picture.oldest_waiting_ms = Some(oldest);
            }
            picture.turns.insert(state.as_str(), crowd);
        }
        let mut statement = self.conn.prepare_cached(
            "SELECT state, count(*) FROM parts INDEXED BY parts_open \
             WHERE bot = ?1 AND state IN (0, 1, 3) GROUP BY state",
        )?;
        let mut rows = statement.query([self.bot.0])?;
        while let Some(row) = rows.next()? {
            let code: i64 = row.get(0)?;
            let state = part::State::from_code(code).ok_or_else(|| unknown_code("part", code))?;
            let count = row.get::<_, i64>(1)?.unsigned_abs();
            picture.parts.insert(state.as_str(), count);
        }
        let mut statement = self.conn.prepare_cached(
            "SELECT id, phase, version, started_at FROM instances WHERE bot = ?1 ORDER BY id",
        )?;
        picture.instances = statement
            .query_map([self.bot.0], |row| {
                Ok(Instance {
                    id: InstanceId(row.get(0)?),
                    pid: None,
                    phase: row.get(1)?,
                    version: row.get(2)?,
                    age_ms: self.age(row.get(3)?),
                })
            })?
            .collect::<rusqlite::Result<_>>()?;
        Ok(picture)
    }

    pub(super) fn usage(&self, since: Duration) -> Result<Usage> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT coalesce(sum(completion_tokens > 0), 0), coalesce(sum(prompt_tokens), 0), \
                        coalesce(sum(completion_tokens), 0), coalesce(sum(cost), 0.0) \
                 FROM turns WHERE bot = ?1 AND answered_at > ?2 AND answered_at IS NOT NULL",
            )?
            .query_row(
                params![self.bot.0, self.now.saturating_sub(clock::millis(since))],
                |row| {
                    Ok(Usage {
                        answers: row.get::<_, i64>(0)?.unsigned_abs(),
                        prompt_tokens: row.get::<_, i64>(1)?.unsigned_abs(),
                        completion_tokens: row.get::<_, i64>(2)?.unsigned_abs(),
                        credits: row.get(3)?,
                    })
                },
            )?)
    }

    fn age(&self, since: clock::Millis) -> u64 {
        // A clock that was set back makes nothing younger than now.
        u64::try_from(self.now - since).unwrap_or(0)
    }
}
