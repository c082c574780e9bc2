//! How a store stands, as an operator sees it: counts and ages, never a text.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::Millis;
use crate::domain::ids::InstanceId;

/// How the store stands now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Picture {
    /// Open turns, by state.
    pub turns: BTreeMap<&'static str, Crowd>,
    /// Milliseconds since the first message of the turn that has waited longest
    /// for somebody to begin it.
    pub oldest_waiting_ms: Option<u64>,
    /// Parts that are not yet settled, by state.
    pub parts: BTreeMap<&'static str, u64>,
    /// The pause in force.
    pub paused: Option<Paused>,
    /// The processes that live.
    pub instances: Vec<Instance>,
}

/// Some turns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crowd {
    /// How many.
    pub count: u64,
    /// Milliseconds since the first message of the oldest was accepted.
    pub oldest_ms: u64,
}

/// A pause: no turn begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paused {
    /// Since when, in milliseconds since the Unix epoch.
    pub since: Millis,
    /// How long it has lasted, in milliseconds.
    pub for_ms: u64,
    /// Why, in the operator's words; people are not told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A process that lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Which.
    pub id: InstanceId,
    /// Its process id; `None` where it wrote none down.
    pub pid: Option<i32>,
    /// What it said of itself last.
    pub phase: String,
    /// Its version.
    pub version: String,
    /// Milliseconds since it began.
    pub age_ms: u64,
}

/// What was spent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Answers that a model gave.
    pub answers: u64,
    /// Tokens of their prompts.
    pub prompt_tokens: u64,
    /// Tokens of their texts.
    pub completion_tokens: u64,
    /// What they cost, in the provider's credits, as far as it told.
    pub credits: f64,
}

/// What became of a change of who may talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It is so now.
    Done,
    /// It was so before.
    Already,
    /// It is an operator's, who is not banned.
    Operator,
}

/// Somebody of whom the store was told whether they may talk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The person, or (negative) the group.
    pub id: i64,
    /// What holds for them.
    pub standing: Standing,
    /// Since when, in milliseconds since the Unix epoch.
    pub since: Millis,
}

/// What holds for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Operates the bot.
    Operator,
    /// Was let in.
    Allowed,
    /// Is not answered.
    Banned,
}
