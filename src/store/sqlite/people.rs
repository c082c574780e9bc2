//! Who may talk, as operators decide it at run time. What the configuration says
//! holds beside it; a ban goes before everything.

use rusqlite::{OptionalExtension, params};

use super::Tx;
use crate::store::Result;
use crate::store::desk::{Change, Known, Standing};

impl Tx<'_> {
    pub(super) fn allow(&self, id: i64) -> Result<Change> {
        let pardoned = self.pardon(id)?;
        let let_in = self
            .conn
            .prepare_cached(
                "INSERT INTO people (bot, id, operator, since) VALUES (?1, ?2, 0, ?3) \
                 ON CONFLICT DO NOTHING",
            )?
            .execute(params![self.bot.0, id, self.now])?;
        Ok(changed(pardoned || let_in > 0))
    }

    pub(super) fn ban(&self, id: i64) -> Result<Change> {
        let operator: Option<bool> = self
            .conn
            .prepare_cached("SELECT operator FROM people WHERE bot = ?1 AND id = ?2")?
            .query_row(params![self.bot.0, id], |row| row.get(0))
            .optional()?;
        if operator == Some(true) {
            return Ok(Change::Operator);
        }
        let banned = self
            .conn
            .prepare_cached(
                "INSERT INTO banned (bot, id, since) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            )?
            .execute(params![self.bot.0, id, self.now])?;
        Ok(changed(banned > 0))
    }

    pub(super) fn unban(&self, id: i64) -> Result<Change> {
        Ok(changed(self.pardon(id)?))
    }

    fn pardon(&self, id: i64) -> Result<bool> {
        let gone = self
            .conn
            .prepare_cached("DELETE FROM banned WHERE bot = ?1 AND id = ?2")?
            .execute(params![self.bot.0, id])?;
        Ok(gone > 0)
    }

    /// Whether the person or the chat is not to be answered.
    pub(super) fn is_banned(&self, sender: i64, chat: i64) -> Result<bool> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM banned WHERE bot = ?1 AND id IN (?2, ?3))",
            )?
            .query_row(params![self.bot.0, sender, chat], |row| row.get(0))?)
    }

    pub(super) fn known_people(&self) -> Result<Vec<Known>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT id, 1 + operator, since FROM people AS p WHERE bot = ?1 \
               AND NOT EXISTS (SELECT 1 FROM banned AS b WHERE b.bot = ?1 AND b.id = p.id) \
             UNION ALL SELECT id, 0, since FROM banned WHERE bot = ?1 ORDER BY 1",
        )?;
        let rows = statement.query_map([self.bot.0], |row| {
            Ok(Known {
                id: row.get(0)?,
                standing: match row.get::<_, i64>(1)? {
                    0 => Standing::Banned,
                    1 => Standing::Allowed,
                    _ => Standing::Operator,
                },
                since: row.get(2)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

fn changed(is: bool) -> Change {
    if is { Change::Done } else { Change::Already }
}
