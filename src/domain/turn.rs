//! The states and outcomes of a turn, and the words "claim" and "owner".
//!
//! `gathering → sealed → claimed → answered → settled`. A turn has exactly one
//! outcome, and has it exactly when it is settled.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ids::{ChatId, ConversationId, InstanceId, TurnId};
use super::language::Language;

macro_rules! stored_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $n:literal $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum $name { $($(#[$vdoc])* $variant = $n,)+ }

        impl $name {
            /// Every variant, in order.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The number it is stored as.
            #[must_use]
            pub const fn code(self) -> i64 {
                self as i64
            }

            /// The variant stored as `code`.
            #[must_use]
            pub const fn from_code(code: i64) -> Option<Self> {
                match code {
                    $($n => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// The word people and machines read.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}
pub(crate) use stored_enum;

stored_enum!(
    /// Where a turn stands.
    State {
        /// Messages still join it.
        Gathering = 0 "gathering",
        /// Closed; waits for its place in the conversation.
        Sealed = 1 "sealed",
        /// Somebody owns it: the prompt is built, the completion runs.
        Claimed = 2 "claimed",
        /// The answer and its parts are stored; the outbox delivers them.
        Answered = 3 "answered",
        /// It has its outcome; nothing about it changes any more.
        Settled = 4 "settled",
    }
);

stored_enum!(
    /// How a turn ended, as the person sees it.
    Outcome {
        /// With the model's answer.
        Answered = 0 "answered",
        /// With an apology and a Retry button.
        Failed = 1 "failed",
        /// By the person's Stop; what was written stays.
        Cancelled = 2 "cancelled",
        /// Its messages moved to a later turn.
        Superseded = 3 "superseded",
        /// Blocked, kicked, or the chat is gone.
        Undeliverable = 4 "undeliverable",
    }
);

/// The proof of owning a turn. Every write about the turn is conditional on
/// it, so a superseded owner can write nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The turn.
    pub turn: TurnId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// The chat of that conversation.
    pub chat: ChatId,
    /// The forum topic, where there is one.
    pub topic: Option<i64>,
    /// The number of this claim; grows with every claim of the turn.
    pub no: i64,
    /// Who claimed.
    pub owner: InstanceId,
    /// What the bot's own words in it are written in: the language of who is
    /// answered.
    pub language: Language,
}

/// What the owner finds when it looks after a claim again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing changed: go on.
    Ours,
    /// The person pressed Stop: end with what there is.
    StopRequested,
    /// The claim was superseded (interrupt, edit, forget, another owner).
    Lost,
}

/// What a conversation came to when it was asked to advance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A turn ran; there may be another.
    Ran,
    /// Nothing before this time.
    Wait(Duration),
    /// It could not be asked: again after this time, also in a drain.
    AskAgain(Duration),
    /// Nothing to do, or somebody else does it.
    Rest,
}

/// Whom a failed attempt is counted against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The turn itself: it counts towards the three failures.
    Turn,
    /// The world (no credit, breaker open): it never counts.
    World,
}

/// Failures of its own after which a turn is given up.
pub const MAX_FAILURES: i64 = 3;

/// Interrupts in a row after which further messages queue instead.
pub const MAX_INTERRUPTS: i64 = 3;

/// Deaths of a process after which a turn that was running at each of them
/// runs alone.
///
/// What a death alone means depends on how the process died. One that *aborts*
/// (a panic within a panic, an overflown stack, memory that cannot be had, the
/// watchdog over a runtime that hangs) leaves a note, and with nobody else
/// running the turn has done it: that is a failure of its own. One that is
/// killed from outside (`kill -9`, a power cut, the kernel short of memory)
/// leaves none, and nobody can tell a deploy from a poison: it counts as no
/// failure, only as one of [`MAX_DEATHS`].
pub const DEATHS_BEFORE_ALONE: i64 = 2;

/// Deaths of whatever kind after which a turn is given up: far more than any
/// row of deploys or kills, so that those cost no healthy turn its answer, and
/// still an end for one whose every run gets the process killed.
pub const MAX_DEATHS: i64 = 40;

/// How long a turn waits after its `deaths`-th death, which it died alone: the
/// others go on meanwhile. Not at all at first, then 1 s, 2 s … 60 s.
#[must_use]
pub fn rest_after_death(deaths: i64) -> Duration {
    let alone = deaths - DEATHS_BEFORE_ALONE;
    match u32::try_from(alone - 2) {
        Ok(doublings) => Duration::from_secs(1 << doublings.min(6)).min(Duration::from_secs(60)),
        Err(_) => Duration::ZERO,
    }
}

/// What a completion used and cost.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Spent {
    /// Tokens of the prompt.
    pub prompt_tokens: i64,
    /// Tokens of the answer.
    pub completion_tokens: i64,
    /// Cost in the provider's credits, when told.
    pub cost: Option<f64>,
    /// The model that answered, when told.
    pub model: Option<String>,
}

/// How an answer came about, besides its words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// How often the model was asked.
    pub attempts: u32,
    /// The provider's id of the latest attempt, when told.
    pub request: Option<String>,
    /// From the latest request to its first content.
    pub first_token: Option<Duration>,
    /// From the latest request to its end.
    pub completion: Option<Duration>,
}
