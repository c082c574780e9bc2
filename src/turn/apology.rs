//! What a person reads in place of an answer: for each way of failing one
//! sentence that says what it means for them. Pure.
//!
//! Below each is a button to try again, whatever it says: what stood in the way
//! may be gone by then. Never what went wrong inside.

use crate::llm::complete::Failure;
use crate::llm::retry::Rejection;
use crate::texts::Texts;

/// Why there is no answer, as far as it concerns the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Apology {
    /// The model does not answer, however often it is asked.
    Away,
    /// It has waited longer than a message may.
    TooLate,
    /// More than the model reads at once.
    TooLong,
    /// The provider does not let it pass.
    Flagged,
    /// Anything else, our own mistakes among it.
    Other,
}

/// Whether a turn has waited longer than a message may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// It has not.
    InTime,
    /// It has: that is what the person has seen of whatever went wrong.
    TooLong,
}

impl Apology {
    /// The apology for a turn that ends for this reason; without one it was
    /// given up before the model was asked.
    pub(super) fn of(failure: Option<&Failure>, wait: Wait) -> Self {
        match (failure, wait) {
            (
                Some(Failure::Rejected {
                    reason: Rejection::TooLong,
                    ..
                }),
                _,
            ) => Self::TooLong,
            (
                Some(Failure::Rejected {
                    reason: Rejection::Flagged,
                    ..
                }),
                _,
            ) => Self::Flagged,
            (_, Wait::TooLong) => Self::TooLate,
            (
                Some(
                    Failure::Exhausted { .. }
                    | Failure::Unavailable { .. }
                    | Failure::Operator { .. },
                ),
                Wait::InTime,
            ) => Self::Away,
            (
                Some(Failure::Rejected {
                    reason: Rejection::Other,
                    ..
                })
                | None,
                Wait::InTime,
            ) => Self::Other,
        }
    }

    /// Its sentence.
    pub(super) fn sentence(self, texts: &Texts) -> &'static str {
        match self {
            Self::Away => texts.model_away,
            Self::TooLate => texts.too_late,
            Self::TooLong => texts.too_long,
            Self::Flagged => texts.content_filter,
            Self::Other => texts.failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;
    use crate::domain::language::Language;
    use crate::llm::LlmError;
    use crate::llm::retry::Operator;

    fn error() -> LlmError {
        LlmError::Cut { reason: "x".into() }
    }

    fn rejected(reason: Rejection) -> Failure {
        Failure::Rejected {
            reason,
            error: error(),
        }
    }

    #[test]
    fn every_failure_has_the_sentence_that_says_what_it_means() {
        let exhausted = Failure::Exhausted {
            last: error(),
            partial: String::new(),
        };
        let paused = Failure::Unavailable {
            retry_in: Duration::from_secs(60),
        };
        let operator = |kind| Failure::Operator {
            kind,
            error: error(),
        };
        for (failure, wait, apology) in [
            (Some(exhausted.clone()), Wait::InTime, Apology::Away),
            (Some(exhausted), Wait::TooLong, Apology::TooLate),
            (Some(paused.clone()), Wait::InTime, Apology::Away),
            (Some(paused), Wait::TooLong, Apology::TooLate),
            (
                Some(operator(Operator::NoCredit)),
                Wait::TooLong,
                Apology::TooLate,
            ),
            (
                Some(operator(Operator::BadKey)),
                Wait::TooLong,
                Apology::TooLate,
            ),
            (
                Some(rejected(Rejection::TooLong)),
                Wait::InTime,
                Apology::TooLong,
            ),
            (
                Some(rejected(Rejection::Flagged)),
                Wait::TooLong,
                Apology::Flagged,
            ),
            (
                Some(rejected(Rejection::Other)),
                Wait::InTime,
                Apology::Other,
            ),
            (None, Wait::InTime, Apology::Other),
            (None, Wait::TooLong, Apology::TooLate),
        ] {
            assert_eq!(Apology::of(failure.as_ref(), wait), apology, "{failure:?}");
        }
    }

    #[test]
    fn no_two_failures_are_told_alike_in_any_language() {
        for language in Language::ALL {
            let texts = Texts::of(language);
            let sentences: BTreeSet<_> = [
                Apology::Away,
                Apology::TooLate,
                Apology::TooLong,
                Apology::Flagged,
                Apology::Other,
            ]
            .into_iter()
            .map(|apology| apology.sentence(texts))
            .collect();
            assert_eq!(sentences.len(), 5, "{language:?}");
        }
    }
}
