//! Relayed chats, as one life sees them.

use std::sync::Arc;

use async_trait::async_trait;
use lastword::domain::admission::Policy;
use lastword::domain::ids::{ChatId, InstanceId};
use lastword::domain::update::Connection;
use lastword::store::{Accepted, Relay, Relays, Result};

use super::seam_store::Storing;

#[async_trait]
impl Relays for Storing {
    async fn relay(&self, chat: ChatId) -> Result<Option<Relay>> {
        self.op(
            "relay",
            chat.0,
            |store| async move { store.relay(chat).await },
        )
        .await
    }

    async fn unconnected(&self, limit: u32) -> Result<Vec<String>> {
        self.op("unconnected", 0, |store| async move {
            store.unconnected(limit).await
        })
        .await
    }

    async fn connect(
        &self,
        instance: InstanceId,
        connection: Connection,
        policy: Arc<Policy>,
    ) -> Result<Accepted> {
        self.op("connect", 0, |store| async move {
            store.connect(instance, connection, policy).await
        })
        .await
    }
}
