//! The line before the slots: who waits, at which place, and what they see of
//! it.
//!
//! First come, first served, as the semaphore does it. Nothing here can delay a
//! turn: what is shown is shown by others.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{SemaphorePermit, watch};
use tokio::time::sleep;

use super::{Presence, Runner};
use crate::store::Due;

/// Who waits longer than this is told at which place.
const PATIENCE: Duration = Duration::from_secs(3);

/// How often the place is counted anew.
const RECOUNT: Duration = Duration::from_secs(5);

/// How many have come and gone.
#[derive(Debug, Default)]
pub(super) struct Line {
    come: AtomicU64,
    gone: AtomicU64,
}

/// A place in the line; given up when dropped.
struct Place<'a> {
    line: &'a Line,
    number: u64,
}

impl Line {
    fn enter(&self) -> Place<'_> {
        Place {
            line: self,
            number: self.come.fetch_add(1, Ordering::Relaxed),
        }
    }
}

impl Place<'_> {
    /// The first is number 1.
    fn at(&self) -> usize {
        let ahead = self
            .number
            .saturating_sub(self.line.gone.load(Ordering::Relaxed));
        usize::try_from(ahead)
            .unwrap_or(usize::MAX)
            .saturating_add(1)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.line.gone.fetch_add(1, Ordering::Relaxed);
    }
}

impl Runner {
    /// Waits for a slot; `None` when none is given any more. Whoever waits long
    /// is no longer shown as being worked for.
    pub(super) async fn in_line(
        &self,
        due: Due,
        presence: &mut Option<Presence>,
    ) -> Option<SemaphorePermit<'_>> {
        let place = self.0.line.enter();
        let mut slot = std::pin::pin!(self.0.slots.acquire());
        // All branches are cancel-safe: the place in the semaphore's queue is
        // kept by what is pinned.
        tokio::select! {
            biased;
            slot = &mut slot => return slot.ok(),
            () = sleep(PATIENCE) => {}
        }
        presence.take();
        let at = watch::Sender::new(place.at());
        let _shown = due
            .chat
            .is_private()
            .then(|| self.0.parts.speaker.line(&due, at.subscribe()));
        loop {
            tokio::select! {
                biased;
                slot = &mut slot => return slot.ok(),
                () = sleep(RECOUNT) => {
                    at.send_replace(place.at());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_moves_up_as_those_before_are_served() {
        let line = Line::default();
        let (first, second, third) = (line.enter(), line.enter(), line.enter());
        assert_eq!((first.at(), second.at(), third.at()), (1, 2, 3));
        drop(first);
        assert_eq!((second.at(), third.at()), (1, 2));
        drop(second);
        assert_eq!(third.at(), 1);
    }
}
