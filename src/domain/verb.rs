//! The verbs people have besides writing: commands and buttons.
//!
//! One set for both ways in. A command that is not ours is not a verb; it goes
//! to the model as text. No words that follow a command are lost: they are
//! asked after it, or go to the model together with it.

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

/// A command as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command<'t> {
    /// What it asks for.
    pub verb: Verb,
    /// What is said behind it: a message of its own, which comes after it.
    pub rest: Option<&'t str>,
}

/// The longest that follows a `/stop` and says nothing else: `please`, `it now`.
const COURTESY_WORDS: usize = 2;
const COURTESY_CHARS: usize = 20;

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

    /// The command that a text is or begins with, when it is one of ours and not
    /// addressed to another bot (`/stop@other`). What follows it:
    ///
    /// - `/start`: the payload of its link.
    /// - `/new`: is asked in the new history.
    /// - `/stop`: acts whatever follows. Two short words are a courtesy
    ///   (`/stop please`); more than that is asked.
    /// - `/forget`: acts, which is to ask. No model may say that it has forgotten.
    /// - `/help`, `/retry`: with words behind them they are no commands but part
    ///   of what is said (`/retry in French`).
    #[must_use]
    pub fn of_command<'t>(text: &'t str, bot_username: &str) -> Option<Command<'t>> {
        let rest = text.trim_start().strip_prefix('/')?;
        let (head, argument) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let name = match head.split_once('@') {
            Some((name, to)) if to.eq_ignore_ascii_case(bot_username) => name,
            Some(_) => return None,
            None => head,
        };
        let rest = Some(argument.trim()).filter(|rest| !rest.is_empty());
        let alone = |verb| Some(Command { verb, rest: None });
        match (name.to_ascii_lowercase().as_str(), rest) {
            ("start", _) => alone(Self::Start {
                code: rest.unwrap_or_default().to_owned(),
            }),
            ("help", None) => alone(Self::Help),
            ("retry", None) => alone(Self::Retry),
            ("forget", _) => alone(Self::Forget),
            ("new", rest) => Some(Command {
                verb: Self::New,
                rest,
            }),
            ("stop", rest) => Some(Command {
                verb: Self::Stop,
                rest: rest.filter(|rest| !is_courtesy(rest)),
            }),
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

fn is_courtesy(words: &str) -> bool {
    words.split_whitespace().count() <= COURTESY_WORDS && words.chars().count() <= COURTESY_CHARS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_a_command_is_its_argument_is_asked_or_makes_it_none() {
        let start = |code: &str| Verb::Start {
            code: code.to_owned(),
        };
        for (text, verb, rest) in [
            ("/start", Some(start("")), None),
            ("/start s3cret ", Some(start("s3cret")), None),
            ("/help", Some(Verb::Help), None),
            ("/help me to write this", None, None),
            ("/retry@Bot", Some(Verb::Retry), None),
            ("/retry in French", None, None),
            ("/new", Some(Verb::New), None),
            ("/new  ", Some(Verb::New), None),
            ("/NEW@bot\nwhy? ", Some(Verb::New), Some("why?")),
            ("/new@other why?", None, None),
            ("/newer", None, None),
            ("/stop", Some(Verb::Stop), None),
            ("/stop please", Some(Verb::Stop), None),
            (
                "/stop and write it in verse",
                Some(Verb::Stop),
                Some("and write it in verse"),
            ),
            ("/forget everything I said", Some(Verb::Forget), None),
            ("say /new", None, None),
        ] {
            let command = Verb::of_command(text, "bot");
            let told = command.map(|command| (command.verb, command.rest));
            assert_eq!(told, verb.map(|verb| (verb, rest)), "{text}");
        }
    }
}
