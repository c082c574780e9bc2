//! The books: every message in exactly one turn, every settled turn with
//! exactly one outcome.

use std::collections::BTreeMap;

use rusqlite::params;

use super::{Tx, unknown_code};
use crate::domain::ids::{ChatId, TurnId};
use crate::domain::part;
use crate::domain::turn::{Outcome, State};
use crate::store::{Books, Result, TurnLine};

impl Tx<'_> {
    pub(super) fn books(&self) -> Result<Books> {
        let count = |sql: &str| -> Result<u64> {
            Ok(self
                .conn
                .query_row(sql, [self.bot.0], |row| row.get::<_, i64>(0))?
                .unsigned_abs())
        };
        Ok(Books {
            messages: count("SELECT count(*) FROM messages WHERE bot = ?1")?,
            states: State::ALL
                .iter()
                .map(|s| Ok((s.as_str(), self.count_by("turns", "state", s.code())?)))
                .collect::<Result<_>>()?,
            outcomes: Outcome::ALL
                .iter()
                .map(|o| Ok((o.as_str(), self.count_by("turns", "outcome", o.code())?)))
                .collect::<Result<_>>()?,
            parts: part::State::ALL
                .iter()
                .map(|s| Ok((s.as_str(), self.count_by("parts", "state", s.code())?)))
                .collect::<Result<_>>()?,
            // Messages of no turn or of one they should have left, and updates
            // taken for messages that made none.
            orphaned: count(
                "SELECT (SELECT count(*) FROM messages AS m LEFT JOIN turns AS t ON t.id = m.turn \
                         WHERE m.bot = ?1 AND (t.id IS NULL OR t.outcome IS 3)) \
                      + (SELECT count(*) FROM updates WHERE bot = ?1 AND kind = 0 \
                         AND id NOT IN (SELECT update_row FROM messages))",
            )?,
            // Ends without an outcome, outcomes without an end, and answers
            // that nothing left to deliver would ever settle.
            unbalanced: count(
                "SELECT count(*) FROM turns WHERE bot = ?1 \
                 AND ((state = 4) <> (outcome IS NOT NULL) OR (state = 4) <> (settled_at IS NOT NULL) \
                      OR (state = 3 AND NOT EXISTS (SELECT 1 FROM parts AS p \
                          WHERE p.turn = turns.id AND p.kind = 0 AND p.state IN (0, 1, 3))))",
            )?,
            bound: count("SELECT coalesce(sum(bound), 0) FROM parts WHERE bot = ?1")?,
            absent: count("SELECT coalesce(sum(absent), 0) FROM parts WHERE bot = ?1")?,
            resent: count("SELECT coalesce(sum(resent), 0) FROM parts WHERE bot = ?1")?,
            held: count("SELECT coalesce(sum(held), 0) FROM parts WHERE bot = ?1")?,
        })
    }

    fn count_by(&self, table: &str, column: &str, code: i64) -> Result<u64> {
        Ok(self
            .conn
            .prepare_cached(&format!(
                "SELECT count(*) FROM {table} WHERE bot = ?1 AND {column} = ?2"
            ))?
            .query_row(params![self.bot.0, code], |row| row.get::<_, i64>(0))?
            .unsigned_abs())
    }

    pub(super) fn open_turns(&self) -> Result<BTreeMap<&'static str, u64>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT state, count(*) FROM turns WHERE state < 4 AND bot = ?1 GROUP BY state",
        )?;
        let mut rows = statement.query([self.bot.0])?;
        let mut open = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let state: i64 = row.get(0)?;
            let state = State::from_code(state).ok_or_else(|| unknown_code("state", state))?;
            open.insert(state.as_str(), row.get::<_, i64>(1)?.unsigned_abs());
        }
        Ok(open)
    }

    pub(super) fn recent(&self, limit: u32) -> Result<Vec<TurnLine>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT t.id, c.chat, t.state, t.outcome, t.opened_at, \
                    (SELECT json_group_array(m.message_id) FROM messages AS m WHERE m.turn = t.id), \
                    (SELECT json_group_array(p.state) FROM parts AS p WHERE p.turn = t.id) \
             FROM turns AS t JOIN conversations AS c ON c.id = t.conversation \
             WHERE t.bot = ?1 ORDER BY t.id DESC LIMIT ?2",
        )?;
        let mut rows = statement.query(params![self.bot.0, limit])?;
        let mut lines = Vec::new();
        while let Some(row) = rows.next()? {
            let state: i64 = row.get(2)?;
            let outcome: Option<i64> = row.get(3)?;
            let messages: String = row.get(5)?;
            let states: String = row.get(6)?;
            let states: Vec<i64> = serde_json::from_str(&states).unwrap_or_default();
            let mut parts = BTreeMap::new();
            for state in states.into_iter().filter_map(part::State::from_code) {
                *parts.entry(state.as_str()).or_insert(0) += 1;
            }
            lines.push(TurnLine {
                turn: TurnId(row.get(0)?),
                chat: ChatId(row.get(1)?),
                state: State::from_code(state)
                    .ok_or_else(|| unknown_code("state", state))?
                    .as_str(),
                outcome: outcome.and_then(Outcome::from_code).map(Outcome::as_str),
                age_ms: self.now - row.get::<_, i64>(4)?,
                messages: serde_json::from_str(&messages).unwrap_or_default(),
                parts,
            });
        }
        Ok(lines)
    }
}
