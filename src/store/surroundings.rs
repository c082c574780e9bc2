//! What stands round the messages of a turn: what they point at, and what was
//! said in the group before them.

use std::collections::BTreeMap;

use crate::domain::ids::{TurnId, UserId};

/// What stands round the messages of a turn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// What others said lately without meaning the bot, oldest first.
    pub talk: Vec<Overheard>,
    /// What the store knows of messages that are pointed at, by message id.
    pub pointed: BTreeMap<i64, Pointed>,
}

/// Something that was said in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overheard {
    /// Who said it.
    pub sender: UserId,
    /// That person's name.
    pub name: String,
    /// What was said, shortened.
    pub text: String,
}

/// A message that is pointed at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointed {
    /// Whose it is.
    pub author: Author,
    /// The turn it belongs to.
    pub turn: Option<TurnId>,
    /// What it says; of ours, the whole Markdown.
    pub text: String,
}

/// Whose message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// The bot's.
    Bot,
    /// Somebody's.
    Person,
}
