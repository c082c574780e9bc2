//! The words a transaction says by itself: replies to commands, refusals.
//!
//! Plain data, filled from the bot's texts, so that the store can commit an
//! effect and its reply together without knowing how the bot speaks.

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
