//! The keyboards under answers: makes the edits that the store wants, beside
//! everything else that is sent.
//!
//! One task per chat with such an edit. It comes after all that people wait for:
//! it leaves room in the chat's pace, blocks no part, and a stop leaves what is
//! not yet done to the successor. An edit may be made twice; whatever says that
//! there is nothing to edit ends it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::limits::{Limits, Rank};
use crate::domain::ids::ChatId;
use crate::domain::part::Touch;
use crate::shutdown::{Kind, Shutdown, Tasks};
use crate::store::Store;
use crate::telegram::methods;
use crate::telegram::{CallError, Meaning, Telegram};

/// How long one edit may take; nobody else makes it meanwhile.
const CALL: Duration = Duration::from_secs(10);

/// The same with what storing its result may take.
const WITHIN: Duration = Duration::from_secs(20);

/// The first pause after an edit of unknown fate; it doubles.
const AGAIN: Duration = Duration::from_secs(5);

/// What changes keyboards; clones are the same.
#[derive(Debug, Clone)]
pub struct Keyboards {
    /// Everything durable.
    pub store: Arc<dyn Store>,
    /// Where messages are.
    pub telegram: Arc<dyn Telegram>,
    /// The pace.
    pub limits: Arc<Limits>,
    /// Spawns.
    pub tasks: Tasks,
    /// The stop.
    pub shutdown: Shutdown,
    /// Chats that are being looked after.
    pub busy: Arc<Mutex<BTreeSet<ChatId>>>,
}

impl Keyboards {
    /// A keyboard of this chat may have to be changed.
    pub fn look_after(&self, chat: ChatId) {
        if self.shutdown.is_stopping() || !self.busy().insert(chat) {
            return;
        }
        let looked_after = LookedAfter {
            keyboards: self.clone(),
            chat,
        };
        // Nothing depends on it that a later look would not find.
        self.tasks.spawn(Kind::Typing, "keyboard", async move {
            let Keyboards { shutdown, .. } = &looked_after.keyboards;
            tokio::select! {
                biased;
                () = shutdown.intake().cancelled() => {}
                () = looked_after.change() => {}
            }
        });
    }

    fn busy(&self) -> MutexGuard<'_, BTreeSet<ChatId>> {
        // Plain data: usable after a panic elsewhere.
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One chat; ends when dropped.
struct LookedAfter {
    keyboards: Keyboards,
    chat: ChatId,
}

impl Drop for LookedAfter {
    fn drop(&mut self) {
        self.keyboards.busy().remove(&self.chat);
    }
}

impl LookedAfter {
    /// Makes every edit that is due.
    async fn change(&self) {
        let Keyboards { store, limits, .. } = &self.keyboards;
        loop {
            loop {
                let wait = limits.own_wait(self.chat, Rank::Touch);
                if wait.is_zero() {
                    break;
                }
                tokio::time::sleep(wait).await;
            }
            let touch = match store.begin_touch(self.chat, WITHIN).await {
                Ok(Some(touch)) => touch,
                Ok(None) => return,
                Err(error) => return tracing::debug!(%error, "failed to look for keyboards"),
            };
            let again = self.make(&touch).await;
            if let Err(error) = store.finish_touch(&touch, again).await {
                return tracing::debug!(%error, "failed to store that a keyboard was changed");
            }
        }
    }

    /// Makes one edit; says after which time it has to be tried again.
    async fn make(&self, touch: &Touch) -> Option<Duration> {
        let Keyboards {
            telegram, limits, ..
        } = &self.keyboards;
        let keyboard = touch.keyboard.as_ref();
        let mut call = methods::edit_message_reply_markup(touch.chat.0, touch.message, keyboard);
        call.timeout = CALL;
        limits.spend(self.chat, Rank::Touch);
        let result = telegram.call(call).await;
        let again = result.as_ref().err().and_then(|error| pause(error, touch));
        if let Err(CallError::Refused {
            retry_after: Some(pause),
            ..
        }) = &result
        {
            limits.block(self.chat, *pause, "keyboard");
        }
        again
    }
}

/// After which time a failed edit is tried again; `None`: never.
fn pause(error: &CallError, touch: &Touch) -> Option<Duration> {
    let growing = AGAIN * 2_u32.pow(u32::try_from(touch.tries.clamp(0, 6)).unwrap_or(0));
    match error.meaning() {
        Meaning::Again(pause) => Some(pause.unwrap_or(growing).max(AGAIN)),
        Meaning::Uncertain | Meaning::Unauthorized | Meaning::Conflict => Some(growing),
        // It is as it should be, or there is nothing that could be.
        Meaning::NotModified
        | Meaning::MessageGone
        | Meaning::ChatGone
        | Meaning::ReplyGone
        | Meaning::Migrated(_)
        | Meaning::FormatRefused => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_yet_succeed_is_tried_again_and_ever_more_rarely() {
        let touch = |tries| Touch {
            chat: ChatId(7),
            message: 1,
            keyboard: None,
            version: 0,
            tries,
        };
        let refused = |code, description: &str| CallError::Refused {
            code,
            description: description.to_owned(),
            retry_after: None,
            migrate_to: None,
        };
        for gone in [
            refused(400, "Bad Request: message to edit not found"),
            refused(400, "Bad Request: message is not modified"),
            refused(400, "Bad Request: MESSAGE_ID_INVALID"),
            refused(403, "Forbidden: bot was blocked by the user"),
            refused(400, "Bad Request: nobody has ever seen this"),
        ] {
            assert_eq!(pause(&gone, &touch(0)), None, "{gone}");
        }
        let unknown = CallError::Unknown {
            reason: "reset".into(),
        };
        let pauses: Vec<u64> = [0, 1, 2, 9]
            .iter()
            .filter_map(|tries| pause(&unknown, &touch(*tries)))
            .map(|pause| pause.as_secs())
            .collect();
        assert_eq!(pauses, [5, 10, 20, 320]);
    }
}
