//! Forgetting: by age since settling, in small steps; and at once, on demand.

use rusqlite::{OptionalExtension, params};

use super::Tx;
use crate::clock::{Millis, millis};
use crate::domain::ids::{ChatId, ConversationId, TurnId};
use crate::domain::turn::Outcome;
use crate::store::{Result, Retention};

impl Tx<'_> {
    pub(super) fn prune(&self, keep: Retention, step: u32) -> Result<u64> {
        self.is_alive()?;
        self.drop_proposals(None, self.now - millis(keep.updates))?;
        let mut gone = self.prune_updates(self.now - millis(keep.updates), step)?;
        gone += self.prune_parts(self.now - millis(keep.updates), step)?;
        gone += self.sweep_turns(
            "pruned_requests",
            self.now - millis(keep.requests),
            step,
            "DELETE FROM requests WHERE turn IN \
             (SELECT id FROM turns WHERE settled_at > ?1 AND settled_at <= ?2)",
        )?;
        gone += self.sweep_turns(
            "pruned_failed",
            self.now - millis(keep.failed),
            step,
            "UPDATE messages SET body = NULL WHERE turn IN \
             (SELECT id FROM turns WHERE settled_at > ?1 AND settled_at <= ?2 AND outcome = 1)",
        )?;
        debug_assert_eq!(Outcome::Failed.code(), 1);
        gone += self.prune_overheard()?;
        gone += self.prune_notice_keys(step)?;
        gone += self.prune_guests(self.now - millis(keep.updates), step)?;
        Ok(gone)
    }

    fn prune_updates(&self, before: Millis, step: u32) -> Result<u64> {
        Ok(self
            .conn
            .prepare_cached(
                "DELETE FROM updates WHERE id IN (SELECT id FROM updates \
                 WHERE settled_at IS NOT NULL AND settled_at < ?1 ORDER BY settled_at LIMIT ?2)",
            )?
            .execute(params![before, step])? as u64)
    }

    /// Notices have no book to balance; they go. Parts of turns keep their
    /// receipt and lose their text.
    fn prune_parts(&self, before: Millis, step: u32) -> Result<u64> {
        let notices = self
            .conn
            .prepare_cached(
                "DELETE FROM parts WHERE id IN (SELECT id FROM parts \
                 WHERE turn IS NULL AND settled_at IS NOT NULL AND settled_at < ?1 \
                 ORDER BY settled_at LIMIT ?2)",
            )?
            .execute(params![before, step])?;
        let texts = self.sweep(
            "pruned_parts",
            before,
            step,
            "SELECT settled_at FROM parts WHERE settled_at IS NOT NULL AND settled_at > ?1 \
             AND settled_at < ?2 ORDER BY settled_at LIMIT 1 OFFSET ?3",
            "UPDATE parts SET payload = '' WHERE settled_at > ?1 AND settled_at <= ?2",
        )?;
        Ok(notices as u64 + texts)
    }

    fn sweep_turns(&self, mark: &str, before: Millis, step: u32, sql: &str) -> Result<u64> {
        self.sweep(
            mark,
            before,
            step,
            "SELECT settled_at FROM turns WHERE settled_at IS NOT NULL AND settled_at > ?1 \
             AND settled_at < ?2 ORDER BY settled_at LIMIT 1 OFFSET ?3",
            sql,
        )
    }

    /// Works through settled rows in the order of their settling, remembering
    /// how far it came, so that no step looks at a row twice.
    fn sweep(
        &self,
        mark: &str,
        before: Millis,
        step: u32,
        nth_settled: &str,
        sql: &str,
    ) -> Result<u64> {
        let from: Millis = self
            .value(mark)?
            .and_then(|value| value.parse().ok())
            .unwrap_or(0);
        let to: Option<Millis> = self
            .conn
            .prepare_cached(nth_settled)?
            .query_row(params![from, before, step], |row| row.get(0))
            .optional()?;
        let to = to.unwrap_or(before - 1);
        if to <= from {
            return Ok(0);
        }
        let changed = self.conn.prepare_cached(sql)?.execute(params![from, to])?;
        self.conn
            .prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")?
            .execute(params![mark, to.to_string()])?;
        Ok(changed as u64)
    }

    /// Erases a conversation: requests, answers, messages and raw updates,
    /// free pages included. Rows stay, so that the books balance. Returns the
    /// turns whose owner must stop.
    pub(super) fn forget(&self, conversation: ConversationId, chat: ChatId) -> Result<Vec<TurnId>> {
        let open: Vec<i64> = self
            .conn
            .prepare_cached("SELECT id FROM turns WHERE conversation = ?1 AND state < 4")?
            .query_map([conversation.0], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        // Nothing of it is sent any more. What is on its way finds its end by
        // `finish_send`, without words.
        self.conn.execute(
            "UPDATE parts SET state = 5, settled_at = ?2 WHERE state IN (0, 3) \
             AND turn IN (SELECT id FROM turns WHERE conversation = ?1 AND state < 4)",
            params![conversation.0, self.now],
        )?;
        for turn in &open {
            self.settle(TurnId(*turn), Outcome::Cancelled)?;
        }
        for sql in [
            "UPDATE updates SET raw = NULL WHERE raw IS NOT NULL AND id IN \
             (SELECT update_row FROM messages WHERE conversation = ?1 \
              UNION SELECT update_row FROM controls WHERE conversation = ?1)",
            "DELETE FROM requests WHERE turn IN (SELECT id FROM turns WHERE conversation = ?1)",
            "DELETE FROM answers WHERE turn IN (SELECT id FROM turns WHERE conversation = ?1)",
            "UPDATE messages SET body = NULL WHERE conversation = ?1",
            "DELETE FROM chatter WHERE conversation = ?1",
            "UPDATE parts SET payload = '' \
             WHERE turn IN (SELECT id FROM turns WHERE conversation = ?1)",
            "UPDATE turns SET offer = NULL WHERE conversation = ?1 AND offer IS NOT NULL",
            "UPDATE conversations SET boundary = last_seal WHERE id = ?1",
        ] {
            self.conn.execute(sql, [conversation.0])?;
        }
        self.retire_keyboards(conversation, None)?;
        self.drop_proposals(Some(chat), Millis::MIN)?;
        // What is not a message of another conversation of this chat: edits,
        // presses (they repeat our words), what could not be read.
        self.conn.execute(
            "UPDATE updates SET raw = NULL WHERE bot = ?1 AND chat = ?2 AND raw IS NOT NULL \
             AND (kind <> 0 OR ?3)",
            params![self.bot.0, chat.0, chat.is_private()],
        )?;
        Ok(open.into_iter().map(TurnId).collect())
    }
}
