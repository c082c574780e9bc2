//! How an answer came about: what is told of a turn besides its words.
//!
//! Filled while the model is asked, read when the turn ends. Holds ids, counts
//! and times, never a word that anybody wrote.

use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

use crate::domain::turn::Told;

/// The longest id that is kept.
const ID: usize = 128;

/// The course of one run of a turn. Shared by whoever asks and whoever tells.
#[derive(Debug, Default)]
pub struct Course(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    told: Told,
    begun: Option<Instant>,
}

impl Course {
    /// What it has come to so far.
    #[must_use]
    pub fn told(&self) -> Told {
        self.lock().told.clone()
    }

    /// The model is asked, perhaps once more.
    pub(super) fn begins(&self) {
        let mut state = self.lock();
        state.begun = Some(Instant::now());
        state.told = Told {
            attempts: state.told.attempts.saturating_add(1),
            ..Told::default()
        };
    }

    /// The provider has named its answer.
    pub(super) fn named(&self, id: String) {
        self.lock().told.request = Some(id);
    }

    /// The first content came.
    pub(super) fn speaks(&self) {
        let mut state = self.lock();
        state.told.first_token = state.begun.map(|begun| begun.elapsed());
    }

    /// The attempt is over.
    pub(super) fn ends(&self) {
        let mut state = self.lock();
        state.told.completion = state.begun.map(|begun| begun.elapsed());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Plain data: usable after a panic elsewhere.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An id fit for the log, the store and a trace. Anything else that calls itself
/// one is none: a server may write there what it likes.
#[must_use]
pub fn id(text: &str) -> Option<&str> {
    let text = text.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/".contains(c);
    (!text.is_empty() && text.len() <= ID && text.chars().all(plain)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_looks_like_an_id_is_one() {
        assert_eq!(id(" gen-1790-abcDEF "), Some("gen-1790-abcDEF"));
        assert_eq!(id("chatcmpl-1:2/3.4_5"), Some("chatcmpl-1:2/3.4_5"));
        for text in ["", " ", "two words", "line\nbreak", "\u{1b}[2J", "naïve"] {
            assert_eq!(id(text), None, "{text:?}");
        }
        assert_eq!(id(&"x".repeat(129)), None);
    }

    #[test]
    fn another_attempt_begins_anew_but_for_their_number() {
        let course = Course::default();
        course.begins();
        course.named("first".to_owned());
        course.speaks();
        course.ends();
        assert!(course.told().first_token.is_some() && course.told().completion.is_some());
        course.begins();
        let told = course.told();
        assert_eq!(
            (told.attempts, told.request, told.first_token),
            (2, None, None)
        );
    }
}
