//! How far each message of a person has come: the strip under it.
//!
//! Joins what Telegram's side knows (which updates are confirmed) with what the
//! daemon says of its turns, and remembers the latter while the daemon is down.
//! It only shows; nothing is decided by it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use tokio::sync::watch;

use super::bot_api::{Acted, BotApi};

/// A turn, as the daemon's `/turns` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Turn {
    pub(super) turn: i64,
    pub(super) chat: i64,
    pub(super) messages: Vec<i64>,
    pub(super) state: String,
    #[serde(default)]
    pub(super) parts: BTreeMap<String, u64>,
}

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    /// Telegram has it, the daemon has not confirmed it.
    Waiting,
    /// The daemon has it, and no turn with it is known: a command, chatter in
    /// a group, or not yet asked.
    Stored,
    /// Its turn waits for more.
    Gathering,
    /// Its turn is closed and waits to be claimed.
    Sealed,
    /// The model is at work.
    Generating,
    /// The answer is stored and on its way.
    Answered,
    /// The answer is in the chat.
    Delivered,
    /// It ended otherwise.
    Ended(Ending),
}

/// The other outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Ending {
    Failed,
    Cancelled,
    Undeliverable,
}

impl Stage {
    /// Whether something is still to happen.
    pub(super) fn is_open(self) -> bool {
        !matches!(self, Self::Stored | Self::Delivered | Self::Ended(_))
    }

    fn of(turn: &Turn) -> Option<Self> {
        let unsent = ["planned", "sending", "uncertain"];
        let is_sent = !unsent
            .iter()
            .any(|state| turn.parts.get(*state).is_some_and(|n| *n > 0));
        Some(match turn.state.as_str() {
            "gathering" => Self::Gathering,
            "sealed" => Self::Sealed,
            "claimed" => Self::Generating,
            // The word of the state before and of the outcome after it.
            "answered" if is_sent && !turn.parts.is_empty() => Self::Delivered,
            "answered" => Self::Answered,
            "failed" => Self::Ended(Ending::Failed),
            "cancelled" => Self::Ended(Ending::Cancelled),
            "undeliverable" => Self::Ended(Ending::Undeliverable),
            // Superseded: a later turn has the message.
            _ => return None,
        })
    }
}

/// A message of a chat.
type Key = (i64, i64);

#[derive(Debug, Default)]
struct Inner {
    /// The updates that a message became.
    updates: BTreeMap<Key, Vec<i64>>,
    confirmed: BTreeSet<i64>,
    /// The latest turn with the message, and its stage.
    turns: BTreeMap<Key, (i64, Stage)>,
}

/// The strips of all messages.
#[derive(Debug)]
pub(super) struct Ledger {
    inner: Mutex<Inner>,
    changed: watch::Sender<u64>,
}

impl Ledger {
    /// A ledger that hears what the daemon confirms to this server.
    pub(super) fn watching(api: &BotApi) -> Arc<Self> {
        let ledger = Arc::new(Self {
            inner: Mutex::default(),
            changed: watch::Sender::new(0),
        });
        let hearing = Arc::clone(&ledger);
        api.on_confirm(move |_, updates| {
            hearing.inner().confirmed.extend(updates);
            hearing.touch();
        });
        ledger
    }

    /// Notes what a person wrote.
    pub(super) fn wrote(&self, chat: i64, acted: &Acted) {
        let mut inner = self.inner();
        let pairs = acted.message_ids.iter().zip(&acted.update_ids);
        for (message, update) in pairs {
            inner
                .updates
                .entry((chat, *message))
                .or_default()
                .push(*update);
        }
        drop(inner);
        self.touch();
    }

    /// Notes what the daemon says of its turns.
    pub(super) fn heard(&self, turns: &[Turn]) {
        let mut inner = self.inner();
        let mut changed = false;
        for turn in turns {
            let Some(stage) = Stage::of(turn) else {
                continue;
            };
            for message in &turn.messages {
                let key = (turn.chat, *message);
                let known = inner.turns.get(&key).copied();
                let is_later = known.is_none_or(|(number, _)| turn.turn >= number);
                if is_later && known != Some((turn.turn, stage)) {
                    inner.turns.insert(key, (turn.turn, stage));
                    changed = true;
                }
            }
        }
        drop(inner);
        if changed {
            self.touch();
        }
    }

    /// How far a message has come; `None` for one that no person wrote here, or
    /// that the bot was never to hear.
    pub(super) fn stage(&self, chat: i64, message: i64) -> Option<Stage> {
        let inner = self.inner();
        let key = (chat, message);
        let updates = inner.updates.get(&key)?;
        if let Some((_, stage)) = inner.turns.get(&key) {
            return Some(*stage);
        }
        let stored = updates
            .iter()
            .all(|update| inner.confirmed.contains(update));
        Some(if stored {
            Stage::Stored
        } else {
            Stage::Waiting
        })
    }

    /// Whether anything is under way.
    pub(super) fn is_busy(&self) -> bool {
        let inner = self.inner();
        let waiting = inner
            .updates
            .values()
            .flatten()
            .any(|update| !inner.confirmed.contains(update));
        waiting || inner.turns.values().any(|(_, stage)| stage.is_open())
    }

    /// Changes whenever a strip may have changed.
    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Lets those who watch look again.
    pub(super) fn touch(&self) {
        self.changed.send_modify(|revision| *revision += 1);
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Plain data, whole after every statement.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    fn turn(number: i64, state: &str, parts: &[(&str, u64)]) -> Turn {
        Turn {
            turn: number,
            chat: 1,
            messages: vec![10],
            state: state.to_owned(),
            parts: parts
                .iter()
                .map(|(state, n)| ((*state).to_owned(), *n))
                .collect(),
        }
    }

    fn ledger() -> Arc<Ledger> {
        let ledger = Ledger::watching(&BotApi::sample(Clock::system()));
        let acted = Acted {
            message_ids: vec![10],
            update_ids: vec![77],
            ..Acted::default()
        };
        ledger.wrote(1, &acted);
        ledger
    }

    #[test]
    fn a_message_goes_from_telegram_to_delivered() {
        let ledger = ledger();
        let stage = || ledger.stage(1, 10).unwrap();
        assert_eq!(stage(), Stage::Waiting);
        ledger.inner().confirmed.insert(77);
        assert_eq!(stage(), Stage::Stored);
        for (state, parts, expected) in [
            ("gathering", &[][..], Stage::Gathering),
            ("sealed", &[], Stage::Sealed),
            ("claimed", &[("planned", 1)], Stage::Generating),
            ("answered", &[("sending", 1)], Stage::Answered),
            ("answered", &[("sent", 1)], Stage::Delivered),
        ] {
            ledger.heard(&[turn(1, state, parts)]);
            assert_eq!(stage(), expected);
            assert_eq!(ledger.is_busy(), expected != Stage::Delivered);
        }
    }

    #[test]
    fn a_message_that_moved_follows_its_latest_turn() {
        let ledger = ledger();
        ledger.heard(&[
            turn(2, "claimed", &[]),
            turn(1, "superseded", &[]),
            turn(1, "failed", &[]),
        ]);
        assert_eq!(ledger.stage(1, 10), Some(Stage::Generating));
    }
}
