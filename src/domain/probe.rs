//! A probe: the question whether a part arrived whose acknowledgement was cut.
//!
//! Plain data, handed from the store to whoever asks Telegram and back. What is
//! proven by which answers is decided in the store, from these alone.

use super::ids::ChatId;
use super::part::{OnUncertain, Sending};
use crate::clock::Millis;

/// How parts of unknown arrival are resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resolving {
    /// Ids asked at the most in one round; 0 = none are asked.
    pub range: u32,
    /// How long one round may take; no call of it begins later.
    pub within: std::time::Duration,
    /// What is done where asking proves nothing.
    pub otherwise: OnUncertain,
}

/// A round of probing whose begin is stored: the caller owns the part.
#[derive(Debug, Clone, PartialEq)]
pub struct Probing {
    /// The part exactly as it was sent, mark included, with the fence of this
    /// round. `edit` is `None`: which message it is is the question.
    pub part: Sending,
    /// Ids to ask, ascending: those it may have been given.
    pub ids: Vec<i64>,
    /// Whether it can have no other id.
    pub reach: Reach,
    /// Rounds over the whole reach that found nothing, before this one.
    pub round: u32,
    /// When the send in question could no longer be carried out: tells one send
    /// of the part from another.
    pub executed_by: Millis,
}

/// Whether the ids of a round are all that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// A part that has none of them was not sent.
    Whole,
    /// It may have an id beyond.
    Open,
}

/// What a round has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probed {
    /// This message is the part.
    Found(i64),
    /// Each id was proven to be no message of ours.
    Absent,
    /// Some id was not answered; what was asked may still be carried out.
    Unproven {
        /// Ask again not before, in milliseconds from now.
        retry_in_ms: i64,
    },
    /// Telegram could not be asked, and nothing is on its way: this round does
    /// not count.
    Unreached {
        /// Ask again not before, in milliseconds from now.
        retry_in_ms: i64,
    },
    /// Asking is of no use here.
    Useless,
    /// The group became this supergroup: its old ids can be asked no more.
    Migrated(ChatId),
}

/// How the fate of a part of unknown arrival was resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// Its message was found.
    Bound,
    /// It was proven not to be there: sent as if for the first time.
    Absent,
    /// Unknown: sent again, marked.
    Resent,
    /// Unknown: left as it is.
    Held,
}
