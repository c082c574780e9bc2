//! The buttons under an answer: which of those that are wanted make sense under
//! this one. Pure.

use serde_json::{Value, json};

use super::Settings;
use crate::domain::ids::TurnId;
use crate::domain::variant::{Button, Variant};
use crate::domain::verb::Verb;
use crate::llm::FinishReason;
use crate::texts::Texts;

/// How an answer ended, as far as its buttons go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The model came to its end.
    Whole,
    /// It could go on: its length limit was reached, or somebody stopped it.
    Cut,
    /// There is nothing to shorten or go on with.
    Empty,
}

impl End {
    /// The end of an answer with these words.
    pub(super) fn of(text: &str, finish: Option<FinishReason>) -> Self {
        match finish {
            _ if text.trim().is_empty() => Self::Empty,
            Some(FinishReason::Stop | FinishReason::ContentFilter) => Self::Whole,
            Some(FinishReason::Length) | None => Self::Cut,
        }
    }
}

/// The keyboard under the answer of a turn, in one row; `None` where no button
/// is wanted.
pub(super) fn under(
    settings: &Settings,
    texts: &Texts,
    private: bool,
    turn: TurnId,
    end: End,
) -> Option<Value> {
    let wanted = match private {
        true => &settings.buttons,
        false => &settings.group_buttons,
    };
    let varied = |variant| Verb::Vary { turn, variant };
    let row: Vec<Value> = wanted
        .iter()
        .filter_map(|button| match (button, end) {
            (Button::Continue, End::Cut) => Some((texts.continue_button, Verb::Continue { turn })),
            // What was cut goes on, which is the longer answer.
            (Button::Longer, End::Cut)
            | (Button::Continue, _)
            | (Button::Shorter | Button::Longer, End::Empty) => None,
            (Button::Regenerate, _) => Some((texts.regenerate_button, varied(Variant::Again))),
            (Button::Shorter, _) => Some((texts.shorter_button, varied(Variant::Shorter))),
            (Button::Longer, _) => Some((texts.longer_button, varied(Variant::Longer))),
        })
        .map(|(label, verb)| json!({"text": label, "callback_data": verb.button_data()}))
        .collect();
    (!row.is_empty()).then(|| json!({"inline_keyboard": [row]}))
}
