//! Which part this instance has: the active one takes updates in and begins
//! turns, a standby waits for its end.
//!
//! One way only: who has the lease keeps it to its own end. Whoever waits for
//! that is woken in the order in which it began to wait, so that a start is the
//! same every time (a `watch` wakes its receivers in a random order).

use std::sync::Arc;

use tokio::sync::SetOnce;

use crate::ops::health::Role;

/// What this instance is. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Standing(Arc<SetOnce<()>>);

impl Standing {
    pub(super) fn role(&self) -> Role {
        if self.is_active() {
            Role::Active
        } else {
            Role::Standby
        }
    }

    pub(super) fn is_active(&self) -> bool {
        self.0.initialized()
    }

    /// It has the lease. To say so again changes nothing.
    pub(super) fn rise(&self) {
        let _ = self.0.set(());
    }

    /// Waits until it has the lease.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub(super) async fn risen(&self) {
        self.0.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test]
    async fn whoever_waits_is_woken_in_order_every_time() {
        for _ in 0..20 {
            let standing = Standing::default();
            let woken: Arc<Mutex<Vec<usize>>> = Arc::default();
            let mut waiting = JoinSet::new();
            for number in 0..8 {
                let (standing, woken) = (standing.clone(), Arc::clone(&woken));
                waiting.spawn(async move {
                    standing.risen().await;
                    woken.lock().unwrap().push(number);
                });
                tokio::task::yield_now().await;
            }
            assert_eq!(standing.role(), Role::Standby);
            standing.rise();
            standing.rise();
            assert_eq!(standing.role(), Role::Active);
            waiting.join_all().await;
            assert_eq!(*woken.lock().unwrap(), (0..8).collect::<Vec<_>>());
        }
    }
}
