//! What is told of a turn when it has ended: its one line in the log, its
//! measurements and its trace are made of this, whoever ran it and whoever
//! settled it.

use crate::clock::Millis;
use crate::domain::ids::{ChatId, TurnId};
use crate::domain::turn::{Outcome, Spent, Told};

/// The course of a turn, as the store knows it. Never a word of anybody.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// Which.
    pub turn: TurnId,
    /// In which chat.
    pub chat: ChatId,
    /// How.
    pub outcome: Outcome,
    /// Messages it gathered.
    pub messages: i64,
    /// Parts of its answer that have a receipt.
    pub parts: i64,
    /// How often it was claimed.
    pub claims: i64,
    /// Failures of its own.
    pub failures: i64,
    /// Deaths of a process at which it was running.
    pub deaths: i64,
    /// When its first message was accepted.
    pub opened_at: Millis,
    /// When it was closed, if it was.
    pub sealed_at: Option<Millis>,
    /// When it was claimed for the last time.
    pub claimed_at: Option<Millis>,
    /// When its answer was stored.
    pub answered_at: Option<Millis>,
    /// When it ended.
    pub settled_at: Millis,
    /// What its answer used.
    pub spent: Spent,
    /// How its answer came about.
    pub told: Told,
}
