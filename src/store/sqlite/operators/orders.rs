//! Orders that the daemon itself has to carry out: its state as a reply, and a
//! drain. A row each from the transaction that accepts them until it is done.

use rusqlite::{OptionalExtension, params};

use super::super::Tx;
use crate::domain::ids::{ChatId, InstanceId};
use crate::domain::part::{Kind, Payload};
use crate::store::Result;
use crate::store::operators::Orders;

/// Replies owed that are looked for at once.
const AT_ONCE: u32 = 20;

impl Tx<'_> {
    /// An order that is owed the daemon's state.
    pub(super) fn owe_status(&self, chat: ChatId, topic: Option<i64>) -> Result<()> {
        self.insert_order(Some((chat, topic)), None)
    }

    /// The instance is to drain. Nobody else ever is, whatever becomes of it.
    pub(super) fn order_drain(&self, instance: InstanceId) -> Result<()> {
        self.insert_order(None, Some(instance))
    }

    fn insert_order(
        &self,
        place: Option<(ChatId, Option<i64>)>,
        drains: Option<InstanceId>,
    ) -> Result<()> {
        self.conn
            .prepare_cached(
                "INSERT INTO orders (bot, chat, topic, drains, at) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                self.bot.0,
                place.map(|(chat, _)| chat.0),
                place.and_then(|(_, topic)| topic),
                drains.map(|instance| instance.0),
                self.now
            ])?;
        Ok(())
    }

    /// Whether this instance has begun to drain, or is about to.
    pub(super) fn is_draining(&self, instance: InstanceId) -> Result<bool> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM instances WHERE id = ?1 AND phase = 'draining') \
                     OR EXISTS (SELECT 1 FROM orders WHERE drains = ?1)",
            )?
            .query_row([instance.0], |row| row.get(0))?)
    }

    pub(super) fn take_orders(&self, instance: InstanceId) -> Result<Orders> {
        let mine = self
            .conn
            .prepare_cached("DELETE FROM orders WHERE drains = ?1")?
            .execute([instance.0])?;
        // Whoever it was meant for has drained, or died.
        self.conn
            .prepare_cached(
                "DELETE FROM orders WHERE drains IS NOT NULL \
                 AND drains NOT IN (SELECT id FROM instances)",
            )?
            .execute([])?;
        let mut owed = self.conn.prepare_cached(
            "SELECT id FROM orders WHERE bot = ?1 AND drains IS NULL ORDER BY id LIMIT ?2",
        )?;
        let owed = owed.query_map(params![self.bot.0, AT_ONCE], |row| row.get(0))?;
        Ok(Orders {
            status: owed.collect::<rusqlite::Result<_>>()?,
            drain: mine > 0,
        })
    }

    pub(super) fn reply_to_order(
        &self,
        order: i64,
        payload: &Payload,
        owner: InstanceId,
    ) -> Result<Option<ChatId>> {
        let place: Option<(i64, Option<i64>)> = self
            .conn
            .prepare_cached(
                "DELETE FROM orders WHERE id = ?1 AND drains IS NULL RETURNING chat, topic",
            )?
            .query_row([order], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((chat, topic)) = place else {
            // Somebody else was faster.
            return Ok(None);
        };
        self.plan_notice(ChatId(chat), topic, Kind::Reply, payload, owner)?;
        Ok(Some(ChatId(chat)))
    }
}
