//! The "typing" sign: every 4 s (Telegram shows it for 5) for as long as
//! something is being done for a chat. Each request has its own time limit; none
//! of them can fail or outlive a turn.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::{CancellationToken, DropGuard};

use crate::domain::ids::ChatId;
use crate::shutdown::{Kind, Tasks};
use crate::telegram::{Telegram, methods};

/// Telegram shows the sign for 5 s.
const EVERY: Duration = Duration::from_secs(4);

/// A sign that takes longer than this is stale.
const WITHIN: Duration = Duration::from_secs(3);

/// Shows that the bot is busy.
#[derive(Debug, Clone)]
pub struct Typing {
    /// Where it is shown.
    pub telegram: Arc<dyn Telegram>,
    /// Spawns.
    pub tasks: Tasks,
}

impl Typing {
    /// Shows the sign in a chat until the returned guard is dropped.
    #[must_use]
    pub fn show(&self, chat: ChatId, topic: Option<i64>) -> DropGuard {
        let over = CancellationToken::new();
        let guard = over.clone().drop_guard();
        let telegram = Arc::clone(&self.telegram);
        self.tasks.spawn(Kind::Typing, "typing", async move {
            let mut call = methods::send_typing(chat.0, topic);
            call.timeout = WITHIN;
            loop {
                let sign = async {
                    // Nothing depends on it: whatever it answers is fine.
                    let _ = telegram.call(call.clone()).await;
                    tokio::time::sleep(EVERY).await;
                };
                tokio::select! {
                    biased;
                    () = over.cancelled() => return,
                    () = sign => {}
                }
            }
        });
        guard
    }
}
