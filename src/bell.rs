//! The bell: troubles that operators should hear of, as they come up and end.
//!
//! Every layer rings, the daemon listens; therefore it lies at the bottom. Never
//! waits and never stores: whoever listens does that, and counts. What is lost
//! with the process comes up again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::domain::operator::alarm::Cause;

/// Rings for operators; clones are the same bell.
#[derive(Debug, Clone, Default)]
pub struct Bell(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    rung: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Not yet listened to: at most one for each cause.
    pending: BTreeMap<Cause, Heard>,
    /// Known not to be over.
    lasting: BTreeSet<Cause>,
}

/// What was heard of a cause.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heard {
    /// How often it has come up.
    pub times: u64,
    /// A few words about it.
    pub detail: Option<String>,
    /// Whether it has ended since.
    pub is_over: bool,
}

impl Bell {
    /// A trouble has come up, so many times.
    pub fn ring(&self, cause: Cause, times: u64) {
        self.ring_with(cause, times, None);
    }

    /// The same, with a few words about it.
    pub fn ring_with(&self, cause: Cause, times: u64, detail: Option<String>) {
        let mut state = self.state();
        state.lasting.insert(cause);
        let heard = state.pending.entry(cause).or_default();
        heard.times = heard.times.saturating_add(times);
        heard.detail = detail;
        heard.is_over = false;
        drop(state);
        self.0.rung.notify_one();
    }

    /// It is over, or never was: cheap, for those who see it all the time.
    pub fn calm(&self, cause: Cause) {
        let mut state = self.state();
        if state.lasting.remove(&cause) {
            state.pending.entry(cause).or_default().is_over = true;
            drop(state);
            self.0.rung.notify_one();
        }
    }

    /// These were not over when the last process ended.
    pub fn recall(&self, causes: impl IntoIterator<Item = Cause>) {
        self.state().lasting.extend(causes);
    }

    /// What was heard since the last time.
    #[must_use]
    pub fn take(&self) -> BTreeMap<Cause, Heard> {
        std::mem::take(&mut self.state().pending)
    }

    /// What could not be stored is heard again, before what came since.
    pub fn put_back(&self, cause: Cause, heard: Heard) {
        let mut state = self.state();
        let is_over = !state.lasting.contains(&cause);
        let since = state.pending.entry(cause).or_default();
        since.times = since.times.saturating_add(heard.times);
        since.detail = since.detail.take().or(heard.detail);
        since.is_over = is_over;
    }

    /// Waits until something is heard.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn rung(&self) {
        self.0.rung.notified().await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Plain data: usable after a panic elsewhere.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_is_told_once_and_what_never_was_is_not() {
        let bell = Bell::default();
        bell.calm(Cause::Credit);
        assert!(bell.take().is_empty());
        bell.ring(Cause::Credit, 1);
        bell.ring(Cause::Credit, 2);
        bell.calm(Cause::Credit);
        bell.calm(Cause::Credit);
        let heard = bell.take().remove(&Cause::Credit).unwrap();
        assert_eq!((heard.times, heard.is_over), (3, true));
        bell.calm(Cause::Credit);
        assert!(bell.take().is_empty());
        bell.recall([Cause::Credit]);
        bell.calm(Cause::Credit);
        assert!(bell.take()[&Cause::Credit].is_over);
    }

    #[test]
    fn what_could_not_be_stored_is_heard_again() {
        let bell = Bell::default();
        bell.ring(Cause::Gap, 2);
        let heard = bell.take().remove(&Cause::Gap).unwrap();
        bell.ring(Cause::Gap, 1);
        bell.put_back(Cause::Gap, heard);
        assert_eq!(bell.take()[&Cause::Gap].times, 3);
    }
}
