//! Who may stop other people's turns in a group: asked of Telegram now and
//! then, beside the turn, and kept in the store, so that a Stop can be decided
//! inside its accept transaction.

use std::sync::Arc;
use std::time::Duration;

use super::Parts;
use crate::domain::ids::ChatId;
use crate::shutdown::Kind;
use crate::telegram::methods;

/// How long they are believed.
const FRESH: Duration = Duration::from_secs(3600);

/// Asks for a group's administrators when they were not asked for lately.
pub(super) async fn refresh(parts: &Parts, chat: ChatId) {
    match parts.store.administrators_older_than(chat, FRESH).await {
        Ok(true) => {}
        Ok(false) => return,
        Err(error) => return tracing::debug!(%error, "failed to look for administrators"),
    }
    let telegram = Arc::clone(&parts.telegram);
    let store = Arc::clone(&parts.store);
    parts
        .tasks
        .spawn(Kind::Typing, "administrators", async move {
            let answer = telegram
                .call(methods::get_chat_administrators(chat.0))
                .await;
            let ids = match answer {
                Ok(members) => members
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|member| member["user"]["id"].as_i64())
                    .collect(),
                Err(error) => {
                    return tracing::debug!(%error, "failed to ask for administrators");
                }
            };
            if let Err(error) = store.keep_administrators(chat, ids).await {
                tracing::debug!(%error, "failed to keep administrators");
            }
        });
}
