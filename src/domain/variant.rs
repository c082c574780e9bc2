//! Another answer to what was answered already: which kinds there are, as
//! words in the configuration, as numbers in the store and as buttons.
//!
//! Plain data; what a press does is decided in the store's accept transaction.

use serde::{Deserialize, Serialize};

use super::turn::stored_enum;

stored_enum!(
    /// What a turn does with an answer that was given before it.
    Variant {
        /// Nothing: an answer of its own.
        None = 0 "none",
        /// The same question once more; the earlier answer is not shown to the
        /// model.
        Again = 1 "again",
        /// The earlier answer, shorter.
        Shorter = 2 "shorter",
        /// The earlier answer, longer.
        Longer = 3 "longer",
    }
);

impl Variant {
    /// What the model is told about its earlier answer; `None` where it does
    /// not see it. Never shown to people.
    #[must_use]
    pub fn instruction(self) -> Option<&'static str> {
        match self {
            Self::None | Self::Again => None,
            Self::Shorter => Some(
                "Give me this answer again, much shorter: only what matters most. \
                 Keep its language. Write the answer alone, without a remark about it.",
            ),
            Self::Longer => Some(
                "Give me this answer again, longer and in more detail: explain more, \
                 with examples where they help. Keep its language. Write the answer \
                 alone, without a remark about it.",
            ),
        }
    }
}

/// A button under the last answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Button {
    /// The same question, another answer.
    Regenerate,
    /// The same, shorter.
    Shorter,
    /// The same, longer.
    Longer,
    /// Go on, where the answer was cut.
    Continue,
}

/// What a message does that is edited after it was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnEdit {
    /// A button under the answer offers to answer again.
    #[default]
    Offer,
    /// It is answered again at once.
    Answer,
    /// Nothing that anybody sees.
    Ignore,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_the_earlier_answer_speaks_of_it() {
        let told: Vec<bool> = Variant::ALL
            .iter()
            .map(|variant| variant.instruction().is_some())
            .collect();
        assert_eq!(told, [false, false, true, true]);
        for variant in Variant::ALL {
            assert_eq!(Variant::from_code(variant.code()), Some(*variant));
        }
    }
}
