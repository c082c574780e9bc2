//! What the dead leave: their turns wait again, their parts find another owner,
//! and who has brought its process down is told from who was merely there.
//!
//! Never touches what belongs to an instance that lives.

use rusqlite::params;

use super::Tx;
use crate::clock;
use crate::domain::ids::InstanceId;
use crate::domain::{part, turn};
use crate::store::{Reaped, Result};

/// An instance whose lock is free.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dead {
    pub(super) id: InstanceId,
    /// It died of itself, not by a kill.
    pub(super) aborted: bool,
}

impl Tx<'_> {
    pub(super) fn reap(&self, me: InstanceId, dead: &[Dead]) -> Result<Reaped> {
        let mut reaped = Reaped {
            instances: dead.len() as u64,
            ..Reaped::default()
        };
        for other in dead {
            if other.aborted {
                self.blame(other.id)?;
            }
            self.ends_life(*other)?;
            self.conn
                .execute("DELETE FROM instances WHERE id = ?1", [other.id.0])?;
        }
        // An owner that is not listed is dead too: it died between leaving and
        // its last write.
        reaped.turns = self.bury_turns(me)?;
        self.conn.execute(
            "UPDATE parts SET state = ?3 WHERE bot = ?1 AND owner <> ?2 AND state = ?4 \
             AND state IN (0, 1, 3) AND owner NOT IN (SELECT id FROM instances)",
            params![
                self.bot.0,
                me.0,
                part::State::Uncertain.code(),
                part::State::Sending.code()
            ],
        )?;
        reaped.unsent = self.adopt(me, part::State::Planned)?;
        reaped.uncertain = self.adopt(me, part::State::Uncertain)?;
        Ok(reaped)
    }

    /// The process aborted while this turn alone was running: its own failure.
    fn blame(&self, owner: InstanceId) -> Result<()> {
        self.conn.execute(
            "UPDATE turns SET failures = failures + 1 WHERE owner = ?1 AND state = ?2 AND alone",
            params![owner.0, turn::State::Claimed.code()],
        )?;
        Ok(())
    }

    /// The turns the dead were running wait again, in their old place; who died
    /// alone lets the others go on for a while.
    fn bury_turns(&self, me: InstanceId) -> Result<u64> {
        let mut orphans = self.conn.prepare_cached(
            "SELECT id, deaths + 1, alone FROM turns \
             WHERE bot = ?1 AND owner IS NOT NULL AND owner <> ?2 AND state = ?3 \
               AND owner NOT IN (SELECT id FROM instances)",
        )?;
        let orphans = orphans
            .query_map(
                params![self.bot.0, me.0, turn::State::Claimed.code()],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )?
            .collect::<rusqlite::Result<Vec<(i64, i64, bool)>>>()?;
        for (id, deaths, alone) in &orphans {
            let rest = if *alone {
                clock::millis(turn::rest_after_death(*deaths))
            } else {
                0
            };
            self.conn
                .prepare_cached(
                    "UPDATE turns SET state = ?2, owner = NULL, deaths = ?3, alone = 0, \
                            not_before = ?4 \
                     WHERE id = ?1",
                )?
                .execute(params![
                    id,
                    turn::State::Sealed.code(),
                    deaths,
                    if rest > 0 { self.now + rest } else { 0 }
                ])?;
        }
        Ok(orphans.len() as u64)
    }

    /// Takes over the parts of this state that no living instance owns.
    fn adopt(&self, me: InstanceId, state: part::State) -> Result<u64> {
        Ok(self.conn.execute(
            "UPDATE parts SET owner = ?1 WHERE bot = ?2 AND state = ?3 AND state IN (0, 1, 3) \
             AND (owner IS NULL OR (owner <> ?1 AND owner NOT IN (SELECT id FROM instances)))",
            params![me.0, self.bot.0, state.code()],
        )? as u64)
    }
}
