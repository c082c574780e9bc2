//! One turn as an operator sees it: its receipt from the first message to the
//! last part, and what it cost. Texts only where they were asked for.

use serde::Serialize;

use super::Listed;
use crate::clock::Millis;

/// Whether people's words are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Texts {
    /// No.
    Withheld,
    /// Asked for.
    Shown,
}

/// One turn. Times are milliseconds since the Unix epoch; one that is missing
/// has not come yet, or was before this version wrote it down.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shown {
    /// What the list says of it.
    #[serde(flatten)]
    pub listed: Listed,
    /// When it was closed and got its place in the order.
    pub gathered_at: Option<Millis>,
    /// When somebody took it up, last.
    pub claimed_at: Option<Millis>,
    /// The number of its claim; grows whenever it changes hands.
    pub claim: i64,
    /// Who owns it now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// When its request stood and the model was asked.
    pub generating_at: Option<Millis>,
    /// How often the model was asked, in the last run.
    pub attempts: Option<i64>,
    /// The provider's name of the request that was answered, to ask it about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Milliseconds from that request to its first content.
    pub first_token_ms: Option<i64>,
    /// When its answer was stored.
    pub answered_at: Option<Millis>,
    /// When it reached its outcome.
    pub settled_at: Option<Millis>,
    /// How often messages that came later made it begin anew.
    pub interrupts: i64,
    /// Whether the person was told that it has to wait.
    pub told: bool,
    /// The model that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Tokens of the prompt.
    pub prompt_tokens: Option<i64>,
    /// Tokens of the answer.
    pub completion_tokens: Option<i64>,
    /// What it cost, in the provider's credits.
    pub credits: Option<f64>,
    /// Its messages, in order.
    pub inputs: Vec<ShownMessage>,
    /// What the model wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// What was or is to be sent of it, in order.
    pub parts: Vec<ShownPart>,
}

/// A message of a turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownMessage {
    /// Telegram's id.
    pub message: i64,
    /// Who sent it.
    pub sender: i64,
    /// When it was accepted.
    pub received_at: Millis,
    /// What it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A part of a turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownPart {
    /// What it is: `answer`, `placeholder` …
    pub kind: &'static str,
    /// Where it stands.
    pub state: &'static str,
    /// When it was planned.
    pub planned_at: Millis,
    /// When it was first handed to Telegram.
    pub sending_at: Option<Millis>,
    /// When Telegram's receipt was stored, or it was given up.
    pub settled_at: Option<Millis>,
    /// Telegram's receipt: the id of the message.
    pub message: Option<i64>,
    /// How often it was handed to Telegram.
    pub sends: i64,
    /// How often it was sent again because nobody knew whether it had arrived.
    pub resent: i64,
}
