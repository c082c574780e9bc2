//! What operators are told of the bot's own life: that it runs again and what
//! its last stop was, and, in good-bye, what its drain has come to.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{count, span};
use crate::clock::{Millis, millis, stamp};
use crate::domain::turn::stored_enum;

/// After a crash operators hear of a start once in this time.
pub const START_EVERY: Duration = Duration::from_secs(600);

stored_enum!(
    /// How a life as the active instance ended.
    End {
        /// Everything was answered or left on purpose.
        Drained = 0 "drained",
        /// The stop was cut short.
        Early = 1 "early",
        /// From outside, or the machine went.
        Killed = 2 "killed",
        /// Of itself.
        Crashed = 3 "crashed",
    }
);

/// The life before this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last {
    /// It still answers what it has.
    StillDraining,
    /// It ended.
    Ended {
        /// How.
        how: End,
        /// When; its last sign of life, where nobody saw the end.
        at: Millis,
    },
}

/// A life has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start<'a> {
    /// Of this binary.
    pub version: &'a str,
    /// What was before; `None` at the first start ever.
    pub last: Option<Last>,
    /// Lives that began since operators were last told of one.
    pub untold: i64,
    /// Turns without an end that were found.
    pub turns: i64,
    /// When.
    pub now: Millis,
}

impl Start<'_> {
    /// What operators are told.
    #[must_use]
    pub fn text(&self) -> String {
        let before = match self.last {
            None => "It is the first start with this store.".to_owned(),
            Some(Last::StillDraining) => {
                "It has taken over; the last one still answers what it has.".to_owned()
            }
            Some(Last::Ended { how, at }) => {
                let away = span(self.now - at);
                match how {
                    End::Drained => format!("The last stop was clean, {away} ago."),
                    End::Early => format!("The last stop was cut short, {away} ago."),
                    End::Killed => format!(
                        "The last one was killed (or the machine was); its last sign of life \
                         was {away} ago, {}.",
                        stamp(at)
                    ),
                    End::Crashed => format!(
                        "The last one crashed; its last sign of life was {away} ago, {}. The \
                         journal says why.",
                        stamp(at)
                    ),
                }
            }
        };
        let turns = match self.turns {
            0 => "Nobody was waiting.".to_owned(),
            turns => format!("{} up.", count(turns, "turn is taken", "turns are taken")),
        };
        let untold = match self.untold {
            0 => String::new(),
            untold => format!(
                " It has started {} more since I last said so.",
                count(untold, "time", "times")
            ),
        };
        format!(
            "▶️ Lastword {} is running (active). {before} {turns}{untold}",
            self.version
        )
    }
}

/// What a drain has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Farewell {
    /// How it ended.
    pub end: End,
    /// Since the signal.
    pub took: Duration,
    /// Turns answered since then.
    pub answered: u64,
    /// Whether another instance goes on.
    pub heir: Heir,
}

/// Who goes on with what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heir {
    /// Another instance, now.
    Running,
    /// The next start.
    NextStart,
}

impl Farewell {
    /// What operators are told, with what the store has counted.
    #[must_use]
    pub fn text(&self, version: &str, parked: i64, uncertain: i64, now: Millis) -> String {
        let how = match self.end {
            End::Drained => "has stopped",
            _ => "was stopped before it was through",
        };
        let heir = match self.heir {
            Heir::Running => "the instance that goes on",
            Heir::NextStart => "the next start",
        };
        let uncertain = match uncertain {
            0 => String::new(),
            parts => format!(
                ", {} of unknown arrival",
                count(parts, "message", "messages")
            ),
        };
        format!(
            "⏹️ Lastword {version} {how}, {}, {} after the signal: {} answered, {parked} left to \
             {heir}{uncertain}.",
            stamp(now),
            span(millis(self.took)),
            count(
                i64::try_from(self.answered).unwrap_or(i64::MAX),
                "turn",
                "turns"
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_tells_what_was_before() {
        let now = 1_790_000_000_000;
        let start = |last| {
            Start {
                version: "1.2.3",
                last,
                untold: 4,
                turns: 1,
                now,
            }
            .text()
        };
        let killed = start(Some(Last::Ended {
            how: End::Killed,
            at: now - 61_000,
        }));
        for part in ["1.2.3", "killed", "1 min 1 s ago", "1 turn is", "4 times"] {
            assert!(killed.contains(part), "{part}: {killed}");
        }
        assert!(start(None).contains("first start"));
        assert!(start(Some(Last::StillDraining)).contains("taken over"));
    }
}
