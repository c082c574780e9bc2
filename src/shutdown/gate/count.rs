//! The counting of the gate: one word, so that closing and entering cannot
//! cross.
//!
//! The lowest bit says "closed", the rest counts those inside. `tests/it/gate.rs`
//! compiles this file a second time over loom's atomics and tries every
//! interleaving; therefore it takes them from the module around it.

use super::atomic::{AtomicUsize, Ordering};

const CLOSED: usize = 1;
const ONE: usize = 2;

/// Who is still inside, as seen by the one who closed or left. Of all those
/// calls exactly one sees [`Left::Nobody`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// The gate is closed and this call made it empty.
    Nobody,
    /// Somebody is inside, or may still come, or it was empty before.
    Others,
}

#[derive(Debug)]
pub(super) struct Count(AtomicUsize);

impl Default for Count {
    fn default() -> Self {
        Self(AtomicUsize::new(0))
    }
}

impl Count {
    /// One more inside; false when closed.
    pub(super) fn enter(&self) -> bool {
        let mut word = self.0.load(Ordering::Relaxed);
        while word & CLOSED == 0 {
            match self.0.compare_exchange_weak(
                word,
                word + ONE,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// One less inside. AcqRel: what was done inside happens before what is
    /// done once it is empty.
    pub(super) fn leave(&self) -> Left {
        let before = self.0.fetch_sub(ONE, Ordering::AcqRel);
        debug_assert!(before >= ONE, "left more often than entered");
        if before == ONE | CLOSED {
            Left::Nobody
        } else {
            Left::Others
        }
    }

    pub(super) fn close(&self) -> Left {
        if self.0.fetch_or(CLOSED, Ordering::AcqRel) == 0 {
            Left::Nobody
        } else {
            Left::Others
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.0.load(Ordering::Acquire) & CLOSED != 0
    }

    pub(super) fn inside(&self) -> usize {
        self.0.load(Ordering::Acquire) / ONE
    }
}
