//! What an operator may wish, as the page says it.

use serde::Deserialize;

/// Characters of a reason, at most.
const REASON: usize = 200;

/// What an operator may wish.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Wish {
    /// Hold turns back; intake and storing go on.
    Pause {
        /// Why, in the operator's words; may be empty.
        reason: String,
    },
    /// Go on.
    Resume {},
    /// Let a failed turn run again.
    Replay {
        /// Which.
        turn: i64,
    },
    /// End a turn that has not been answered.
    Cancel {
        /// Which.
        turn: i64,
    },
}

impl Wish {
    /// With a reason of one short line.
    pub(super) fn tidied(self) -> Self {
        match self {
            Self::Pause { reason } => {
                let words = reason.split(|c: char| c.is_whitespace() || c.is_control());
                let line = words
                    .filter(|word| !word.is_empty())
                    .collect::<Vec<_>>()
                    .join(" ");
                let reason = line.chars().take(REASON).collect();
                Self::Pause { reason }
            }
            other => other,
        }
    }

    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Pause { .. } => "pause",
            Self::Resume {} => "resume",
            Self::Replay { .. } => "replay",
            Self::Cancel { .. } => "cancel",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_short_line() {
        let reason = format!("  deploy\n\tnow\u{7} {}", "x".repeat(500));
        match (Wish::Pause { reason }).tidied() {
            Wish::Pause { reason } => {
                assert!(reason.starts_with("deploy now xxx"), "{reason}");
                assert_eq!(reason.chars().count(), REASON);
            }
            other => panic!("{other:?}"),
        }
    }
}
