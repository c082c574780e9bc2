//! What operators ask for and are told, as one life sees it.

use std::time::Duration;

use async_trait::async_trait;
use lastword::domain::ids::{ChatId, InstanceId};
use lastword::domain::operator::alarm::Cause;
use lastword::domain::operator::life::Farewell;
use lastword::domain::part::Payload;
use lastword::store::Result;
use lastword::store::operators::{Audience, Operators, Orders, Spread};

use super::seam_store::Storing;

#[async_trait]
impl Operators for Storing {
    async fn take_orders(&self, instance: InstanceId) -> Result<Orders> {
        self.op("take_orders", 0, |store| async move {
            store.take_orders(instance).await
        })
        .await
    }

    async fn reply(
        &self,
        order: i64,
        payload: Payload,
        owner: InstanceId,
    ) -> Result<Option<ChatId>> {
        self.op("reply", 0, |store| async move {
            store.reply(order, payload, owner).await
        })
        .await
    }

    async fn rise(
        &self,
        instance: InstanceId,
        version: &str,
        audience: Audience,
    ) -> Result<Vec<ChatId>> {
        self.op("rise", 0, |store| async move {
            store.rise(instance, version, audience).await
        })
        .await
    }

    async fn leave_errands(&self, instance: InstanceId) -> Result<bool> {
        self.op("leave_errands", 0, |store| async move {
            store.leave_errands(instance).await
        })
        .await
    }

    async fn bid_farewell(
        &self,
        instance: InstanceId,
        farewell: Farewell,
        audience: Audience,
    ) -> Result<Vec<ChatId>> {
        self.op("bid_farewell", 0, |store| async move {
            store.bid_farewell(instance, farewell, audience).await
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
        self.op("alarm", 0, |store| async move {
            store
                .alarm(cause, times, ago, detail, audience, owner)
                .await
        })
        .await
    }

    async fn calm(
        &self,
        cause: Cause,
        audience: Audience,
        owner: InstanceId,
    ) -> Result<Vec<ChatId>> {
        self.op("calm", 0, |store| async move {
            store.calm(cause, audience, owner).await
        })
        .await
    }

    async fn alarms(&self) -> Result<Vec<Cause>> {
        self.op("alarms", 0, |store| async move { store.alarms().await })
            .await
    }

    async fn remind(
        &self,
        owner: InstanceId,
        notices: Audience,
        alerts: Audience,
    ) -> Result<Vec<ChatId>> {
        self.op("remind", 0, |store| async move {
            store.remind(owner, notices, alerts).await
        })
        .await
    }

    async fn spread(&self, owner: InstanceId) -> Result<Spread> {
        self.op(
            "spread",
            0,
            |store| async move { store.spread(owner).await },
        )
        .await
    }
}
