//! The admission gate: who is in, and that nobody comes in after the close.
//!
//! Ours, because a `TaskTracker` accepts spawns after its close. A turn holds a
//! [`Pass`] for as long as it runs; once the gate is closed only those already
//! in are waited for. The counting is in `gate/count.rs` and modelled with
//! loom in `tests/it/gate.rs`.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

mod atomic {
    pub(super) use std::sync::atomic::{AtomicUsize, Ordering};
}
mod count;

use count::{Count, Left};

/// A gate; clones are the same gate.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    count: Count,
    /// Cancelled once closed and empty. A token, because it stays cancelled:
    /// whoever asks later is answered too.
    empty: CancellationToken,
}

/// The right to be in; dropping it leaves.
#[derive(Debug)]
#[must_use = "dropping a pass leaves the gate at once"]
pub struct Pass(Arc<Shared>);

impl Gate {
    /// An open gate with nobody in.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Comes in, unless the gate is closed.
    #[must_use]
    pub fn try_enter(&self) -> Option<Pass> {
        self.0.count.enter().then(|| Pass(Arc::clone(&self.0)))
    }

    /// Closes for good. When this returns, nobody comes in any more.
    pub fn close(&self) {
        if self.0.count.close() == Left::Nobody {
            self.0.empty.cancel();
        }
    }

    /// Whether the gate is closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.count.is_closed()
    }

    /// How many are in.
    #[must_use]
    pub fn inside(&self) -> usize {
        self.0.count.inside()
    }

    /// Waits until the gate is closed and the last one has left.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn closed_and_empty(&self) {
        self.0.empty.cancelled().await;
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.0.count.leave() == Left::Nobody {
            self.0.empty.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn those_who_are_in_are_waited_for_and_nobody_else_comes_in() {
        let gate = Gate::new();
        let first = gate.try_enter().expect("the gate is open");
        let second = gate.try_enter().expect("the gate is open");
        gate.close();
        assert!(gate.try_enter().is_none());
        assert!(gate.is_closed());
        drop(first);
        assert_eq!(gate.inside(), 1);
        assert!(!gate.0.empty.is_cancelled());
        drop(second);
        gate.closed_and_empty().await;
    }

    #[tokio::test]
    async fn an_empty_gate_is_empty_as_soon_as_it_is_closed() {
        let gate = Gate::new();
        drop(gate.try_enter());
        assert!(!gate.0.empty.is_cancelled());
        gate.close();
        gate.close();
        gate.closed_and_empty().await;
    }
}
