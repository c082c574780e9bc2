//! What people see while they wait, as one life sees it.

use async_trait::async_trait;
use lastword::domain::ids::{ConversationId, TurnId};
use lastword::domain::language::Language;
use lastword::domain::turn::Claim;
use lastword::store::{Owed, Receipt, Receipts, Result, Signs};

use super::seam_store::Storing;

#[async_trait]
impl Signs for Storing {
    async fn reveal(&self, claim: &Claim) -> Result<()> {
        self.op("reveal", claim.chat.0, |store| async move {
            store.reveal(claim).await
        })
        .await
    }

    async fn next_turn(&self, conversation: ConversationId) -> Result<Option<(TurnId, Language)>> {
        self.op("next_turn", 0, |store| async move {
            store.next_turn(conversation).await
        })
        .await
    }

    async fn receipts(&self, owed: Option<Owed>, limit: u32) -> Result<Receipts> {
        self.op("receipts", 0, |store| async move {
            store.receipts(owed, limit).await
        })
        .await
    }

    async fn drop_receipt(&self, receipt: Receipt) -> Result<()> {
        self.op("drop_receipt", receipt.chat.0, |store| async move {
            store.drop_receipt(receipt).await
        })
        .await
    }
}
