//! The operator's desk, as one life sees it.

use std::time::Duration;

use async_trait::async_trait;
use lastword::domain::ids::{InstanceId, TurnId};
use lastword::store::Result;
use lastword::store::desk::{
    Cancel, Change, Desk, Known, Listed, Paused, Picture, Replay, Shown, Texts, Usage, Which,
};

use super::seam_store::Storing;

#[async_trait]
impl Desk for Storing {
    async fn turns(&self, which: Which, limit: u32) -> Result<Vec<Listed>> {
        self.op("turns", 0, |store| async move {
            store.turns(which, limit).await
        })
        .await
    }

    async fn replay(&self, turn: TurnId) -> Result<Replay> {
        self.op("replay", 0, |store| async move { store.replay(turn).await })
            .await
    }

    async fn show(&self, turn: TurnId, texts: Texts) -> Result<Option<Shown>> {
        self.op(
            "show",
            0,
            |store| async move { store.show(turn, texts).await },
        )
        .await
    }

    async fn cancel(&self, turn: TurnId, by: Option<InstanceId>) -> Result<Cancel> {
        self.op(
            "cancel",
            0,
            |store| async move { store.cancel(turn, by).await },
        )
        .await
    }

    async fn pause(&self, reason: Option<String>) -> Result<Paused> {
        self.op("pause", 0, |store| async move { store.pause(reason).await })
            .await
    }

    async fn resume(&self) -> Result<Option<Paused>> {
        self.op("resume", 0, |store| async move { store.resume().await })
            .await
    }

    async fn paused(&self) -> Result<Option<Paused>> {
        self.op("paused", 0, |store| async move { store.paused().await })
            .await
    }

    async fn picture(&self) -> Result<Picture> {
        self.op("picture", 0, |store| async move { store.picture().await })
            .await
    }

    async fn usage(&self, since: Duration) -> Result<Usage> {
        self.op("usage", 0, |store| async move { store.usage(since).await })
            .await
    }

    async fn allow(&self, id: i64) -> Result<Change> {
        self.op("allow", 0, |store| async move { store.allow(id).await })
            .await
    }

    async fn ban(&self, id: i64) -> Result<Change> {
        self.op("ban", 0, |store| async move { store.ban(id).await })
            .await
    }

    async fn unban(&self, id: i64) -> Result<Change> {
        self.op("unban", 0, |store| async move { store.unban(id).await })
            .await
    }

    async fn people(&self) -> Result<Vec<Known>> {
        self.op("people", 0, |store| async move { store.people().await })
            .await
    }
}
