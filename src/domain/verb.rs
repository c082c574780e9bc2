//! The verbs people have besides writing: commands and buttons.
//!
//! One set for both ways in. A command that is not ours is not a verb; it goes
//! to the model as text.

use serde::{Deserialize, Serialize};

use super::ids::TurnId;
use super::variant::Variant;

/// What a command or button asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case")]
pub enum Verb {
    /// `/start`, with the payload of its link.
    Start {
        /// What followed the command, possibly empty.
        code: String,
    },
    /// `/help`.
    Help,
    /// `/new`: the history begins anew.
    New,
    /// `/stop`: everything that came before it.
    Stop,
    /// A Stop button of one turn (a draft's or an inline one).
    StopTurn {
        /// That turn.
        turn: TurnId,
    },
    /// `/retry`: the last turn that has no whole answer.
    Retry,
    /// The Retry button of one turn.
    RetryTurn {
        /// That turn.
        turn: TurnId,
    },
    /// The Continue button of an answer that reached its length limit.
    Continue {
        /// Its turn.
        turn: TurnId,
    },
    /// A button under an answer that asks for another one in its place.
    Vary {
        /// The turn of that answer.
        turn: TurnId,
        /// Which one.
        variant: Variant,
    },
    /// `/forget`: asks first.
    Forget,
    /// The answer to that question.
    ForgetAnswer {
        /// Whether to erase.
        yes: bool,
    },
}

impl Verb {
    /// The name under which it is stored and logged.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Start { .. } => "start",
            Self::Help => "help",
            Self::New => "new",
            Self::Stop => "stop",
            Self::StopTurn { .. } => "stop_turn",
            Self::Retry => "retry",
            Self::RetryTurn { .. } => "retry_turn",
            Self::Continue { .. } => "continue",
            Self::Vary { variant, .. } => variant.as_str(),
            Self::Forget => "forget",
            Self::ForgetAnswer { .. } => "forget_answer",
        }
    }

    /// The verb of a command's text, when it is one of ours and not addressed
    /// to another bot (`/stop@other`).
    #[must_use]
    pub fn of_command(text: &str, bot_username: &str) -> Option<Self> {
        let rest = text.trim_start().strip_prefix('/')?;
        let (head, argument) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let name = match head.split_once('@') {
            Some((name, to)) if to.eq_ignore_ascii_case(bot_username) => name,
            Some(_) => return None,
            None => head,
        };
        match name.to_ascii_lowercase().as_str() {
            "start" => Some(Self::Start {
                code: argument.trim().to_owned(),
            }),
            "help" => Some(Self::Help),
            "new" => Some(Self::New),
            "stop" => Some(Self::Stop),
            "retry" => Some(Self::Retry),
            "forget" => Some(Self::Forget),
            _ => None,
        }
    }

    /// The verb behind a button's `callback_data`.
    #[must_use]
    pub fn of_button(data: &str) -> Option<Self> {
        let (name, argument) = data.split_once(':')?;
        let turn = || argument.parse().ok().map(TurnId);
        let vary = |variant| turn().map(|turn| Self::Vary { turn, variant });
        match name {
            "stop" => turn().map(|turn| Self::StopTurn { turn }),
            "retry" => turn().map(|turn| Self::RetryTurn { turn }),
            "continue" => turn().map(|turn| Self::Continue { turn }),
            "again" => vary(Variant::Again),
            "shorter" => vary(Variant::Shorter),
            "longer" => vary(Variant::Longer),
            "forget" => Some(Self::ForgetAnswer {
                yes: argument == "yes",
            }),
            _ => None,
        }
    }

    /// The `callback_data` of the button for this verb; empty for verbs that
    /// have no button.
    #[must_use]
    pub fn button_data(&self) -> String {
        match self {
            Self::StopTurn { turn } => format!("stop:{turn}"),
            Self::RetryTurn { turn } => format!("retry:{turn}"),
            Self::Continue { turn } => format!("continue:{turn}"),
            Self::Vary { turn, variant } => format!("{}:{turn}", variant.as_str()),
            Self::ForgetAnswer { yes: true } => "forget:yes".to_owned(),
            Self::ForgetAnswer { yes: false } => "forget:no".to_owned(),
            _ => String::new(),
        }
    }
}
