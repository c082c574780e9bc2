//! After a death: until Telegram has carried out what had reached it.
//!
//! The product waits 25 s before it looks for what the dead one had sent; a test
//! that shortens that must first let the stand-in come to its end, which takes
//! as long as a busy machine lets it take.

use std::time::Duration;

use super::Real;

/// Between two looks, and how many must be alike in a row.
const LOOK: Duration = Duration::from_millis(40);
const ALIKE: u32 = 4;

/// What hangs on purpose is waited for no longer.
const LOOKS_MAX: u32 = 50;

impl Real {
    /// Waits until no call is under way, and none has come for a while.
    pub(crate) async fn until_quiet(&self) {
        let (mut alike, mut before) = (0, None);
        for _ in 0..LOOKS_MAX {
            tokio::time::sleep(LOOK).await;
            let calls = self.telegram.calls();
            let open = calls
                .iter()
                .rev()
                .take(200)
                .filter(|call| call.method != "getUpdates")
                .filter(|call| call.executed.is_none() && call.outcome.is_none())
                .count();
            let now = Some(calls.len()).filter(|_| open == 0);
            alike = if now.is_some() && now == before {
                alike + 1
            } else {
                0
            };
            before = now;
            if alike == ALIKE {
                return;
            }
        }
    }
}
