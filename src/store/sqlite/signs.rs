//! What people see while they wait: one flag and one message id for each turn.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};

use super::{SqliteStore, Tx};
use crate::clock;
use crate::domain::ids::{ChatId, ConversationId, TurnId};
use crate::domain::language::Language;
use crate::domain::turn::Claim;
use crate::store::signs::{Owed, Receipt, Receipts, Signs};
use crate::store::{Flush, Result};

#[async_trait]
impl Signs for SqliteStore {
    async fn reveal(&self, claim: &Claim) -> Result<()> {
        let claim = *claim;
        self.run("signs.reveal", move |tx| {
            tx.fence(&claim)?;
            tx.conn
                .prepare_cached("UPDATE turns SET shown = 1 WHERE id = ?1")?
                .execute([claim.turn.0])?;
            Ok(())
        })
        .await
    }

    async fn next_turn(&self, conversation: ConversationId) -> Result<Option<(TurnId, Language)>> {
        self.run("signs.next_turn", move |tx| {
            let next: Option<i64> = tx
                .conn
                .prepare_cached(
                    "SELECT id FROM turns WHERE conversation = ?1 AND state IN (0, 1) AND state < 4 \
                     ORDER BY state DESC, seal_no, due_at, id LIMIT 1",
                )?
                .query_row([conversation.0], |row| row.get(0))
                .optional()?;
            let Some(turn) = next.map(TurnId) else {
                return Ok(None);
            };
            let language = Language::told(tx.language(turn)?.as_deref());
            Ok(Some((turn, language)))
        })
        .await
    }

    async fn receipts(&self, owed: Option<Owed>, limit: u32) -> Result<Receipts> {
        self.run("signs.receipts", move |tx| {
            Ok(Receipts {
                stale: tx.stale_receipts(limit)?,
                owed: match owed {
                    Some(owed) => tx.owe_receipts(owed, limit)?,
                    None => Vec::new(),
                },
            })
        })
        .await
    }

    async fn drop_receipt(&self, receipt: Receipt) -> Result<()> {
        self.run("signs.drop_receipt", move |tx| {
            tx.conn
                .prepare_cached("UPDATE turns SET receipt = 0 WHERE id = ?1 AND receipt = ?2")?
                .execute(params![receipt.turn.0, receipt.message])?;
            Ok(())
        })
        .await
    }
}

impl Tx<'_> {
    fn stale_receipts(&self, limit: u32) -> Result<Vec<Receipt>> {
        let mut statement = self.conn.prepare_cached(
            "SELECT t.id, c.chat, t.receipt FROM turns AS t INDEXED BY turns_receipt \
             CROSS JOIN conversations AS c ON c.id = t.conversation \
             WHERE t.receipt > 0 AND t.state = 4 AND t.bot = ?1 LIMIT ?2",
        )?;
        let rows = statement.query_map(params![self.bot.0, limit], receipt)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn owe_receipts(&self, owed: Owed, limit: u32) -> Result<Vec<Receipt>> {
        let owed: Vec<Receipt> = self
            .conn
            .prepare_cached(
                // What was shown of a turn that nobody runs any more has gone. In
                // a private chat whoever runs one shows a draft. A window
                // whose time has come and that is still open waits for
                // something, like one that has to wait for a minute to end.
                "SELECT t.id, c.chat, \
                        (SELECT message_id FROM messages WHERE turn = t.id ORDER BY id DESC LIMIT 1) \
                 FROM turns AS t INDEXED BY turns_open \
                 CROSS JOIN conversations AS c ON c.id = t.conversation \
                 WHERE t.state < 4 AND t.bot = ?1 AND t.receipt IS NULL AND t.told = 0 \
                   AND (t.state = 1 OR (t.state = 2 AND t.shown = 0 AND c.chat < 0) \
                        OR (t.state = 0 AND (?3 OR t.due_at <= ?4 OR t.not_before > ?4))) \
                   AND (SELECT max(accepted_at) FROM messages WHERE turn = t.id) <= ?4 - ?5 \
                   AND (SELECT message_id FROM messages WHERE turn = t.id ORDER BY id DESC LIMIT 1) > 0 \
                 LIMIT ?2",
            )?
            .query_map(
                params![
                    self.bot.0,
                    limit,
                    owed.flush == Flush::All,
                    self.now,
                    clock::millis(owed.waited)
                ],
                receipt,
            )?
            .collect::<rusqlite::Result<_>>()?;
        for receipt in &owed {
            self.conn
                .prepare_cached("UPDATE turns SET receipt = ?2 WHERE id = ?1")?
                .execute(params![receipt.turn.0, receipt.message])?;
        }
        Ok(owed)
    }
}

fn receipt(row: &rusqlite::Row<'_>) -> rusqlite::Result<Receipt> {
    Ok(Receipt {
        turn: TurnId(row.get(0)?),
        chat: ChatId(row.get(1)?),
        message: row.get(2)?,
    })
}
