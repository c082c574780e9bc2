//! Who lives and who may poll, as one life sees it.

use async_trait::async_trait;
use lastword::domain::ids::InstanceId;
use lastword::store::{Leases, Left, Reaped, Result};

use super::defect::Defect;
use super::seam_store::Storing;

#[async_trait]
impl Leases for Storing {
    async fn register(&self, instance: InstanceId, version: &str) -> Result<()> {
        self.op("register", 0, |store| async move {
            store.register(instance, version).await
        })
        .await
    }

    async fn set_phase(&self, instance: InstanceId, phase: &'static str) -> Result<()> {
        self.op("set_phase", 0, |store| async move {
            store.set_phase(instance, phase).await
        })
        .await
    }

    async fn reap(&self, instance: InstanceId) -> Result<Reaped> {
        if self.0.world.defect == Some(Defect::BuriesTheLiving) {
            self.0.world.eye().bury_others(instance.0);
        }
        self.op("reap", 0, |store| async move { store.reap(instance).await })
            .await
    }

    async fn successor(&self, instance: InstanceId) -> Result<bool> {
        let found = self
            .op("successor", 0, |store| async move {
                store.successor(instance).await
            })
            .await;
        if matches!(found, Ok(true)) {
            self.0.world.eye().successor_seen(self.0.number);
        }
        found
    }

    async fn take_intake(&self) -> Result<bool> {
        self.op("take_intake", 0, |store| async move {
            store.take_intake().await
        })
        .await
    }

    async fn release_intake(&self) -> Result<()> {
        self.op("release_intake", 0, |store| async move {
            store.release_intake().await
        })
        .await
    }

    async fn leave(&self, instance: InstanceId) -> Result<Left> {
        let left = self
            .op(
                "leave",
                0,
                |store| async move { store.leave(instance).await },
            )
            .await?;
        self.0.world.eye().left(self.0.number, left);
        Ok(left)
    }

    async fn value(&self, key: &str) -> Result<Option<String>> {
        self.op("value", 0, |store| async move { store.value(key).await })
            .await
    }

    async fn set_value(&self, key: &str, value: &str) -> Result<()> {
        self.op("set_value", 0, |store| async move {
            store.set_value(key, value).await
        })
        .await
    }

    async fn others(&self, instance: InstanceId) -> Result<Vec<InstanceId>> {
        self.op(
            "others",
            0,
            |store| async move { store.others(instance).await },
        )
        .await
    }

    async fn value_or(&self, key: &str, value: &str) -> Result<String> {
        self.op("value_or", 0, |store| async move {
            store.value_or(key, value).await
        })
        .await
    }

    async fn has_operator(&self) -> Result<bool> {
        self.op("has_operator", 0, |store| async move {
            store.has_operator().await
        })
        .await
    }
}
