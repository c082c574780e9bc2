//! The words a transaction says by itself: replies to commands, refusals.
//!
//! Plain data, filled from the bot's texts, so that the store can commit an
//! effect and its reply together without knowing how the bot speaks.

use std::sync::Arc;

use super::language::Language;

/// The words of every language. Made once; clones share them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wordbook {
    all: Arc<[Words]>,
    only: Option<Language>,
}

impl Wordbook {
    /// The words that `words` has for each language; everybody reads `only`,
    /// when there is one.
    #[must_use]
    pub fn new(only: Option<Language>, words: impl FnMut(Language) -> Words) -> Self {
        Self {
            all: Language::ALL.into_iter().map(words).collect(),
            only,
        }
    }

    /// The tag by which whoever told `tag` is answered: theirs, unless one
    /// holds for everybody.
    #[must_use]
    pub fn tag<'a>(&self, tag: Option<&'a str>) -> Option<&'a str> {
        self.only.map(Language::tag).or(tag)
    }

    /// The words for somebody who told this tag.
    #[must_use]
    pub fn of(&self, tag: Option<&str>) -> &Words {
        &self.all[Language::told(self.tag(tag)) as usize]
    }
}

/// Ready sentences, in plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// Reply to `/start` of somebody who may talk.
    pub greeting: String,
    /// Reply to `/help`.
    pub help: String,
    /// Reply to `/help` in a group.
    pub help_group: String,
    /// Once a day to a stranger.
    pub refused: String,
    /// To whoever opened the claiming link first.
    pub claimed: String,
    /// To whoever opened a link that is used up or wrong.
    pub claim_invalid: String,
    /// Over the limit per minute.
    pub too_fast: String,
    /// Reply to `/new`.
    pub new_begun: String,
    /// When something that had not begun was stopped.
    pub stopped: String,
    /// `/stop` with nothing under way.
    pub nothing_to_stop: String,
    /// Somebody else's turn.
    pub not_yours: String,
    /// `/retry` with nothing to retry.
    pub nothing_to_retry: String,
    /// Shown when a turn is tried again.
    pub retrying: String,
    /// The button that offers another answer after an edit.
    pub answer_again: String,
    /// A button whose time is over.
    pub button_expired: String,
    /// The question before erasing.
    pub forget_question: String,
    /// Its button that erases.
    pub forget_yes: String,
    /// Its button that keeps.
    pub forget_no: String,
    /// After erasing.
    pub forgotten: String,
    /// After keeping.
    pub kept: String,
}
