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
    /// Reply to `/help` and `/start` in groups.
    pub help_group: String,
    /// To whoever opens a claiming link that does not hold.
    pub claim_invalid: String,
    /// Once a day to a stranger.
    pub refused: String,
    /// To whoever opened the claiming link first.
    pub claimed: String,
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
    /// When the Retry button was pressed.
    pub retrying: String,
    /// When a button was pressed that does nothing any more.
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
