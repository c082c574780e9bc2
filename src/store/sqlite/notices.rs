//! Notices from outside: planned once each, whatever dies in between.

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};

use super::parts::PartRow;
use super::{SqliteStore, Tx};
use crate::clock;
use crate::domain::ids::InstanceId;
use crate::domain::part::Kind;
use crate::store::{Fate, Imported, Notice, Notices, Result};

/// A bot of which no sign of life was seen for so long is retired: its own come
/// every half minute.
const RETIRED: Duration = Duration::from_secs(3_600);

/// `errand` of what other processes handed over.
const HANDED_OVER: i64 = -1;

#[async_trait]
impl Notices for SqliteStore {
    async fn import(
        &self,
        notices: Vec<Notice>,
        gone: Vec<String>,
        owner: InstanceId,
        max_rows: u64,
    ) -> Result<Imported> {
        self.run("notices.import", move |tx| {
            tx.import(&notices, &gone, owner, max_rows)
        })
        .await
    }

    async fn imported(&self) -> Result<Vec<String>> {
        self.run("notices.imported", |tx| {
            let mut statement = tx
                .conn
                .prepare_cached("SELECT file FROM notice_files WHERE bot = ?1")?;
            let files = statement.query_map([tx.bot.0], |row| row.get(0))?;
            Ok(files.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }
}

impl Tx<'_> {
    fn import(
        &self,
        notices: &[Notice],
        gone: &[String],
        owner: InstanceId,
        max_rows: u64,
    ) -> Result<Imported> {
        for file in gone {
            self.conn
                .prepare_cached("DELETE FROM notice_files WHERE bot = ?1 AND file = ?2")?
                .execute(params![self.bot.0, file])?;
        }
        let mut imported = Imported {
            fates: Vec::with_capacity(notices.len()),
            rows: self.open_rows()?,
        };
        for notice in notices {
            let fate = self.import_one(notice, owner, max_rows, imported.rows)?;
            if fate == Fate::Stored {
                imported.rows += notice.parts.len() as u64;
            }
            imported.fates.push(fate);
            if fate == Fate::Full {
                // Whatever is behind it keeps its place.
                imported.fates.resize(notices.len(), Fate::Full);
                break;
            }
        }
        Ok(imported)
    }

    fn import_one(
        &self,
        notice: &Notice,
        owner: InstanceId,
        max_rows: u64,
        rows: u64,
    ) -> Result<Fate> {
        if self.is_imported(&notice.file)? {
            return Ok(Fate::Before);
        }
        if !notice.addressed && !self.is_first()? {
            return Ok(Fate::Elsewhere);
        }
        if notice.life.is_some_and(|life| life.is_zero()) {
            self.keep_file(&notice.file)?;
            return Ok(Fate::Expired);
        }
        if let Some((key, _)) = &notice.key
            && self.is_key_alive(key, notice)?
        {
            self.keep_file(&notice.file)?;
            return Ok(Fate::Before);
        }
        // One that is larger than all the room would wait for ever.
        if rows > 0 && rows + notice.parts.len() as u64 > max_rows {
            return Ok(Fate::Full);
        }
        self.keep_file(&notice.file)?;
        let after = |life: Duration| self.now.saturating_add(clock::millis(life));
        if let Some((key, life)) = &notice.key {
            self.conn
                .prepare_cached(
                    "INSERT OR REPLACE INTO notice_keys (bot, chat, key, until) \
                     VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![self.bot.0, notice.chat.0, key, after(*life)])?;
        }
        for payload in &notice.parts {
            self.insert_part(&PartRow {
                chat: notice.chat,
                topic: notice.topic,
                conversation: None,
                turn: None,
                kind: Kind::Notice,
                seq: 0,
                payload,
                target: None,
                owner,
            })?;
            self.conn
                .prepare_cached("UPDATE parts SET dies_at = ?2, errand = ?3 WHERE id = ?1")?
                .execute(params![
                    self.conn.last_insert_rowid(),
                    notice.life.map(after),
                    HANDED_OVER
                ])?;
        }
        Ok(Fate::Stored)
    }

    /// Whether no bot with a smaller number lives at this store: of several that
    /// share it one alone takes what names none, and one that is retired does
    /// not keep the others from it.
    fn is_first(&self) -> Result<bool> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT NOT EXISTS (SELECT 1 FROM lives WHERE bot < ?1 AND seen_at > ?2)",
            )?
            .query_row(
                params![self.bot.0, self.now - clock::millis(RETIRED)],
                |row| row.get(0),
            )?)
    }

    /// By whichever bot: another may have been the first one then.
    fn is_imported(&self, file: &str) -> Result<bool> {
        Ok(self
            .conn
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM notice_files WHERE file = ?1)")?
            .query_row([file], |row| row.get(0))?)
    }

    fn keep_file(&self, file: &str) -> Result<()> {
        self.conn
            .prepare_cached("INSERT INTO notice_files (bot, file) VALUES (?1, ?2)")?
            .execute(params![self.bot.0, file])?;
        Ok(())
    }

    fn is_key_alive(&self, key: &str, notice: &Notice) -> Result<bool> {
        let until: Option<i64> = self
            .conn
            .prepare_cached(
                "SELECT until FROM notice_keys WHERE bot = ?1 AND chat = ?2 AND key = ?3",
            )?
            .query_row(params![self.bot.0, notice.chat.0, key], |row| row.get(0))
            .optional()?;
        Ok(until.is_some_and(|until| until > self.now))
    }

    /// Everything that waits to be sent or resolved.
    fn open_rows(&self) -> Result<u64> {
        let rows: i64 = self
            .conn
            .prepare_cached("SELECT count(*) FROM parts WHERE bot = ?1 AND state IN (0, 1, 3)")?
            .query_row([self.bot.0], |row| row.get(0))?;
        Ok(rows.unsigned_abs())
    }

    /// Forgets keys that may be used again.
    pub(super) fn prune_notice_keys(&self, step: u32) -> Result<u64> {
        Ok(self
            .conn
            .prepare_cached(
                "DELETE FROM notice_keys WHERE (bot, chat, key) IN \
                 (SELECT bot, chat, key FROM notice_keys WHERE until < ?1 LIMIT ?2)",
            )?
            .execute(params![self.now, step])? as u64)
    }
}
