//! Operators: who they are, and what they are told.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::params;

use super::{SqliteStore, Tx};
use crate::domain::ids::{ChatId, InstanceId};
use crate::domain::operator::alarm::Cause;
use crate::domain::operator::life::Farewell;
use crate::domain::part::{Kind, Payload};
use crate::store::Result;
use crate::store::operators::{Audience, Hearing, Operators, Orders, Spread};

mod alarms;
mod broadcasts;
mod lives;
mod obey;
mod orders;

/// What a part is for that belongs to no turn: a broadcast's have its number.
const NOTICE: i64 = 0;

#[async_trait]
impl Operators for SqliteStore {
    async fn take_orders(&self, instance: InstanceId) -> Result<Orders> {
        self.run("operators.take_orders", move |tx| tx.take_orders(instance))
            .await
    }

    async fn reply(
        &self,
        order: i64,
        payload: Payload,
        owner: InstanceId,
    ) -> Result<Option<ChatId>> {
        self.run("operators.reply", move |tx| {
            tx.reply_to_order(order, &payload, owner)
        })
        .await
    }

    async fn rise(
        &self,
        instance: InstanceId,
        version: &str,
        audience: Audience,
    ) -> Result<Vec<ChatId>> {
        let version = version.to_owned();
        self.run("operators.rise", move |tx| {
            tx.rise(instance, &version, &audience)
        })
        .await
    }

    async fn leave_errands(&self, instance: InstanceId) -> Result<bool> {
        self.run("operators.leave_errands", move |tx| {
            tx.conn
                .prepare_cached(
                    "UPDATE parts SET owner = NULL \
                     WHERE owner = ?1 AND state = 0 AND errand IS NOT NULL",
                )?
                .execute([instance.0])?;
            Ok(tx
                .conn
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM parts WHERE owner = ?1 \
                     AND state IN (0, 1, 3) AND errand IS NULL)",
                )?
                .query_row([instance.0], |row| row.get(0))?)
        })
        .await
    }

    async fn bid_farewell(
        &self,
        instance: InstanceId,
        farewell: Farewell,
        audience: Audience,
    ) -> Result<Vec<ChatId>> {
        self.run("operators.bid_farewell", move |tx| {
            tx.bid_farewell(instance, &farewell, &audience)
        })
        .await
    }

    async fn alarm(
        &self,
        cause: Cause,
        times: u64,
        ago: Duration,
        detail: Option<String>,
        audience: Audience,
        owner: InstanceId,
    ) -> Result<Vec<ChatId>> {
        self.run("operators.alarm", move |tx| {
            tx.alarm(cause, times, ago, detail, &audience, owner)
        })
        .await
    }

    async fn calm(
        &self,
        cause: Cause,
        audience: Audience,
        owner: InstanceId,
    ) -> Result<Vec<ChatId>> {
        self.run("operators.calm", move |tx| tx.calm(cause, &audience, owner))
            .await
    }

    async fn alarms(&self) -> Result<Vec<Cause>> {
        self.run("operators.alarms", |tx| tx.alarms()).await
    }

    async fn remind(
        &self,
        owner: InstanceId,
        notices: Audience,
        alerts: Audience,
    ) -> Result<Vec<ChatId>> {
        self.run("operators.remind", move |tx| {
            let mut chats = tx.remind_of_start(owner, &notices)?;
            chats.extend(tx.remind_of_alarms(owner, &alerts)?);
            Ok(chats)
        })
        .await
    }

    async fn spread(&self, owner: InstanceId) -> Result<Spread> {
        self.run("operators.spread", move |tx| tx.spread(owner))
            .await
    }
}

impl Tx<'_> {
    /// Whether this person looks after the bot.
    pub(super) fn is_operator(&self, person: i64, listed: &BTreeSet<i64>) -> Result<bool> {
        Ok(listed.contains(&person) || self.has_claimed(person)?)
    }

    fn has_claimed(&self, person: i64) -> Result<bool> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM people WHERE bot = ?1 AND id = ?2 AND operator = 1)",
            )?
            .query_row(params![self.bot.0, person], |row| row.get(0))?)
    }

    /// Whether anybody is there to be told.
    fn is_heard(&self, audience: &Audience) -> Result<bool> {
        Ok(audience.hearing == Hearing::Told && !self.chats_of(audience)?.is_empty())
    }

    /// The private chats of all operators.
    fn chats_of(&self, audience: &Audience) -> Result<BTreeSet<ChatId>> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT id FROM people WHERE bot = ?1 AND operator = 1")?;
        let claimed = statement.query_map([self.bot.0], |row| row.get(0))?;
        let mut chats = claimed.collect::<rusqlite::Result<BTreeSet<i64>>>()?;
        chats.extend(&audience.ids);
        // A person's private chat has the person's id.
        Ok(chats.into_iter().map(ChatId).collect())
    }

    /// Plans a notice to every operator.
    fn tell(&self, audience: &Audience, text: String, owner: InstanceId) -> Result<Vec<ChatId>> {
        let chats = self.chats_of(audience)?;
        let payload = Payload::plain(text);
        for chat in &chats {
            self.plan_errand(*chat, None, &payload, NOTICE, owner)?;
        }
        Ok(chats.into_iter().collect())
    }

    /// Plans a notice that no stop is held up or blamed for.
    fn plan_errand(
        &self,
        chat: ChatId,
        topic: Option<i64>,
        payload: &Payload,
        errand: i64,
        owner: InstanceId,
    ) -> Result<()> {
        self.plan_notice(chat, topic, Kind::Notice, payload, owner)?;
        self.conn
            .prepare_cached("UPDATE parts SET errand = ?2 WHERE id = ?1")?
            .execute(params![self.conn.last_insert_rowid(), errand])?;
        Ok(())
    }
}
