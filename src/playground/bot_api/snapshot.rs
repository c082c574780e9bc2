//! The server's memory across restarts: a playground that is started again must
//! go on with the ids and chats that the daemon's store remembers, or the
//! daemon would take new updates for old ones.
//!
//! Kept: people, chats, messages, files, waiting updates, every sequence of
//! ids. Not kept: drafts, calls in flight, faults, the webhook, the events.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::business::{Account, GuestCall};
use super::chats::{Chat, Person};
use super::files::Files;
use super::queue::Queue;
use super::random::Random;
use super::world::World;

/// Everything that outlives the process; opaque to its keeper.
#[derive(Debug, Serialize, Deserialize)]
pub struct Snapshot {
    queue: Queue,
    people: BTreeMap<i64, Person>,
    chats: Vec<Chat>,
    last_message_id: i64,
    files: Vec<(String, String, String)>,
    commands: BTreeMap<String, Value>,
    random: Random,
    ids: i64,
    #[serde(default)]
    accounts: BTreeMap<String, Account>,
    #[serde(default)]
    guests: BTreeMap<String, GuestCall>,
}

impl World {
    /// What is worth keeping. Through JSON, so that it shares nothing.
    pub(super) fn save(&self) -> Result<Value, serde_json::Error> {
        let chats: Result<Vec<Value>, _> = self.chats.values().map(serde_json::to_value).collect();
        Ok(serde_json::json!({
            "queue": self.queue,
            "people": self.people,
            "chats": chats?,
            "last_message_id": self.last_message_id,
            "files": self.files.save(),
            "commands": self.commands,
            "random": self.random,
            "ids": self.ids,
            "accounts": self.accounts,
            "guests": self.guests,
        }))
    }

    /// Goes on from what was kept.
    pub(super) fn restore(&mut self, saved: Snapshot) {
        self.queue = saved.queue;
        self.people = saved.people;
        self.chats = saved
            .chats
            .into_iter()
            .map(|chat| (chat.id, chat))
            .collect();
        self.last_message_id = saved.last_message_id;
        self.files = Files::restore(saved.files);
        self.commands = saved.commands;
        self.random = saved.random;
        self.ids = saved.ids;
        self.accounts = saved.accounts;
        self.guests = saved.guests;
        self.touch();
    }
}
