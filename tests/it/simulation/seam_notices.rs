//! Notices from outside, as one life sees them.

use async_trait::async_trait;
use lastword::domain::ids::InstanceId;
use lastword::store::{Imported, Notice, Notices, Result};

use super::seam_store::Storing;

#[async_trait]
impl Notices for Storing {
    async fn import(
        &self,
        notices: Vec<Notice>,
        gone: Vec<String>,
        owner: InstanceId,
        max_rows: u64,
    ) -> Result<Imported> {
        self.op("import", 0, |store| async move {
            store.import(notices, gone, owner, max_rows).await
        })
        .await
    }

    async fn imported(&self) -> Result<Vec<String>> {
        self.op("imported", 0, |store| async move { store.imported().await })
            .await
    }
}
