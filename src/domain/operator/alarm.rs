//! What operators are alerted to: the causes, and what is said of each.
//!
//! At most one alert and one all-clear per cause and hour; the store keeps
//! count, so that a restart repeats nothing. Short texts: what, since when, what
//! to do about it.

use std::time::Duration;

use super::{count, span};
use crate::clock::{Millis, stamp};

/// How often operators hear of the same trouble.
pub const EVERY: Duration = Duration::from_secs(3_600);

/// Why operators are alerted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The model's account is empty (402).
    Credit,
    /// The model's key is refused (401).
    Key,
    /// Telegram refuses the bot's token.
    Token,
    /// Somebody else polls with the token (409).
    Conflict,
    /// Updates are missing.
    Gap,
    /// The model's endpoint has been failing for long.
    Breaker,
    /// The disk of the store is nearly full.
    Disk,
    /// The store took nothing.
    Store,
    /// Turns failed.
    Failed,
}

/// When a cause is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tell {
    /// While it lasts.
    AtOnce,
    /// When it is over: before, nothing can be told, or nothing be stored.
    Afterwards,
}

/// One episode of a cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Episode {
    /// When it began.
    pub since: Millis,
    /// How often it has come up since it was last told of.
    pub times: i64,
    /// Whether it was told of before.
    pub is_told: bool,
    /// A few words about it.
    pub detail: Option<String>,
    /// The time.
    pub now: Millis,
}

impl Cause {
    /// Every one.
    pub const ALL: [Self; 9] = [
        Self::Credit,
        Self::Key,
        Self::Token,
        Self::Conflict,
        Self::Gap,
        Self::Breaker,
        Self::Disk,
        Self::Store,
        Self::Failed,
    ];

    /// The word in the store and the metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Credit => "credit",
            Self::Key => "key",
            Self::Token => "token",
            Self::Conflict => "conflict",
            Self::Gap => "gap",
            Self::Breaker => "breaker",
            Self::Disk => "disk",
            Self::Store => "store",
            Self::Failed => "failed",
        }
    }

    /// The cause of that word; `None` for one of a later version.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == word)
    }

    /// When it is told.
    #[must_use]
    pub fn tell(self) -> Tell {
        match self {
            Self::Token | Self::Store => Tell::Afterwards,
            _ => Tell::AtOnce,
        }
    }

    /// How long nothing of it must be heard for it to be over; `None` where
    /// somebody says so.
    #[must_use]
    pub fn fades(self) -> Option<Duration> {
        match self {
            Self::Conflict => Some(Duration::from_secs(300)),
            // One is an event, not a state: the next one later is another.
            Self::Gap | Self::Failed => Some(EVERY),
            _ => None,
        }
    }

    /// What is said while it lasts, or of the whole of it afterwards.
    #[must_use]
    pub fn text(self, episode: &Episode) -> String {
        let Episode {
            since, times, now, ..
        } = *episode;
        let since = match now - since {
            0..10_000 => String::new(),
            _ => format!(" since {}", stamp(since)),
        };
        // What was told of before is not counted again.
        let some = |one: &str, more: &str| match episode.is_told {
            true => count(times, &format!("more {one}"), &format!("more {more}")),
            false => count(times, one, more),
        };
        let lasted = || {
            let from = stamp(episode.since);
            format!("from {from} for {}", span(now - episode.since))
        };
        let said = match self {
            Self::Credit => format!(
                "The model refuses us for want of credit (402){since}. Turns wait, for up to a \
                 day, and their people were told so. Top up the account; they go on by \
                 themselves."
            ),
            Self::Key => format!(
                "The model refuses the API key (401){since}. Turns wait, for up to a day, and \
                 their people were told so. Put a valid key where the configuration has it, and \
                 restart."
            ),
            Self::Token => format!(
                "Telegram refused the bot's token {}. If @BotFather has issued a new one, take \
                 it over.",
                lasted()
            ),
            Self::Conflict => format!(
                "Somebody else asks Telegram for this bot's updates (409){since}, {}. What they \
                 are given never comes here. End that program; if you know of none, take a new \
                 token at @BotFather (/revoke).",
                count(times, "time", "times")
            ),
            Self::Gap => format!(
                "{} missing{since}: Telegram has dropped them after a day, or somebody \
                 else with the token has taken them. What came here is complete.",
                some("update is", "updates are")
            ),
            Self::Breaker => format!(
                "The model's endpoint has been failing{since}. Turns wait; it is asked once a \
                 minute. See the provider's status page, or set llm.fallback_models."
            ),
            Self::Disk => format!(
                "The disk of the store is nearly full{since}{}. Make room: once it is full, \
                 nothing is accepted until there is some.",
                detail(episode)
            ),
            Self::Store => format!(
                "The store took nothing {}{}. Nothing was confirmed to Telegram in that time: \
                 it came again, and nothing is lost. See the disk and the journal.",
                lasted(),
                detail(episode)
            ),
            Self::Failed => format!(
                "{} failed{since}: whoever asked saw an apology with a button to try \
                 again. /admin turns lists them and runs them again.",
                some("answer has", "answers have")
            ),
        };
        format!("⚠️ {said}")
    }

    /// What is said when it is over, where that helps.
    #[must_use]
    pub fn over(self, since: Millis, now: Millis) -> Option<String> {
        let said = match self {
            Self::Credit => "The model answers again: there is credit.",
            Self::Key => "The model takes the key again.",
            Self::Conflict => "Nobody else asks for this bot's updates any more.",
            Self::Breaker => "The model's endpoint answers again.",
            Self::Disk => "The disk of the store has room again.",
            Self::Token | Self::Gap | Self::Store | Self::Failed => return None,
        };
        Some(format!("✅ {said} It lasted {}.", span(now - since)))
    }
}

fn detail(episode: &Episode) -> String {
    let detail = episode.detail.as_ref();
    detail.map_or_else(String::new, |detail| format!(" ({detail})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_read_back_and_says_what_it_is() {
        for cause in Cause::ALL {
            assert_eq!(Cause::parse(cause.as_str()), Some(cause));
            let text = cause.text(&Episode {
                since: 1_790_000_000_000,
                times: 2,
                is_told: true,
                detail: None,
                now: 1_790_000_060_000,
            });
            assert!(text.contains("2026-09-21"), "{text}");
            assert!(text.len() < 400, "{text}");
        }
    }
}
