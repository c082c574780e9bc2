//! Where an instance is in its life.
//!
//! Plain data: the daemon moves it forward, readiness and the store show it.
//! A phase never goes back, so the order of the variants is the order of a
//! life.

use serde::{Deserialize, Serialize};

/// Where an instance is in its life, in the order in which it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Not ready: configuration, migration, recovery.
    Starting,
    /// Ready, but another instance holds the lease of the bot.
    Standby,
    /// Accepting, answering.
    Running,
    /// Told to stop: accepts nothing new, answers what it has.
    Draining,
    /// Nothing runs any more: the store is being closed.
    Closing,
    /// Everything is stored and said.
    Stopped,
}

impl Phase {
    /// Every phase, in order.
    pub const ALL: [Self; 6] = [
        Self::Starting,
        Self::Standby,
        Self::Running,
        Self::Draining,
        Self::Closing,
        Self::Stopped,
    ];

    /// The word that is stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Standby => "standby",
            Self::Running => "running",
            Self::Draining => "draining",
            Self::Closing => "closing",
            Self::Stopped => "stopped",
        }
    }

    /// Reads a stored word back; `None` for one that a newer version wrote.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == word)
    }
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_is_read_back_as_it_was_stored() {
        for phase in Phase::ALL {
            assert_eq!(Phase::parse(phase.as_str()), Some(phase));
        }
        assert_eq!(Phase::parse("hibernating"), None);
    }

    #[test]
    fn phases_are_listed_in_the_order_of_a_life() {
        assert!(Phase::ALL.is_sorted());
    }
}
