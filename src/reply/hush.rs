//! Where a preview is ending: its last call may still be on its way, and
//! nothing may overtake it.
//!
//! An answer is stored as soon as it is whole; that it goes out after the last
//! call of its preview is kept here, in memory, for both belong to this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::domain::ids::ChatId;

/// How long anything waits for a preview: longer than any call of it.
const LONGEST: Duration = Duration::from_secs(21);

/// The previews of this process. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Hush(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// The stops of the previews that run, by chat and number.
    running: Mutex<(u64, Running)>,
    /// Wakes whoever waits for the end of one.
    ended: Notify,
}

type Running = HashMap<ChatId, Vec<(u64, CancellationToken)>>;

/// A preview that runs until this is dropped.
#[derive(Debug)]
pub struct Speaking {
    hush: Hush,
    chat: ChatId,
    number: u64,
}

impl Hush {
    /// A preview begins that ends soon after `stop` was cancelled.
    #[must_use]
    pub fn speaks(&self, chat: ChatId, stop: CancellationToken) -> Speaking {
        let mut state = self.state();
        state.0 += 1;
        let number = state.0;
        state.1.entry(chat).or_default().push((number, stop));
        Speaking {
            hush: self.clone(),
            chat,
            number,
        }
    }

    /// Whether a preview of this chat was told to end and has not ended yet.
    #[must_use]
    pub fn is_ending(&self, chat: ChatId) -> bool {
        let state = self.state();
        let running = state.1.get(&chat).into_iter().flatten();
        running.into_iter().any(|(_, stop)| stop.is_cancelled())
    }

    /// Waits until no preview of this chat is ending; not for ever.
    ///
    /// # Cancel safety
    /// Cancel safe: it changes nothing.
    pub async fn over(&self, chat: ChatId) {
        let wait = async {
            loop {
                // Listening before it looks: no end in between is missed.
                let mut ended = std::pin::pin!(self.0.ended.notified());
                ended.as_mut().enable();
                if !self.is_ending(chat) {
                    return;
                }
                ended.await;
            }
        };
        let _ = tokio::time::timeout(LONGEST, wait).await;
    }

    fn state(&self) -> MutexGuard<'_, (u64, Running)> {
        // Plain data: usable after a panic elsewhere.
        self.0
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Speaking {
    fn drop(&mut self) {
        let mut state = self.hush.state();
        if let Some(running) = state.1.get_mut(&self.chat) {
            running.retain(|(number, _)| *number != self.number);
            if running.is_empty() {
                state.1.remove(&self.chat);
            }
        }
        drop(state);
        self.hush.0.ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: ChatId = ChatId(5);

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_a_preview_that_goes_on_and_everybody_for_one_that_ends() {
        let hush = Hush::default();
        let stop = CancellationToken::new();
        let speaking = hush.speaks(ANN, stop.clone());
        let begun = tokio::time::Instant::now();
        hush.over(ANN).await;
        stop.cancel();
        assert!(hush.is_ending(ANN) && !hush.is_ending(ChatId(6)));
        let end = async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            drop(speaking);
        };
        tokio::join!(hush.over(ANN), end);
        assert_eq!(begun.elapsed(), Duration::from_secs(3));
        assert!(!hush.is_ending(ANN));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_never_ends_keeps_nobody_for_ever() {
        let hush = Hush::default();
        let stop = CancellationToken::new();
        let _speaking = hush.speaks(ANN, stop.clone());
        stop.cancel();
        let begun = tokio::time::Instant::now();
        hush.over(ANN).await;
        assert_eq!(begun.elapsed(), LONGEST);
    }
}
