//! The state of the stand-in: one bot, its chats and everything in flight.
//!
//! Pure: time is an argument, random numbers come from a seed, nothing waits
//! and nothing reads the outside. Both wrappings (HTTP, memory) drive this one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::Refusal;
use super::business::{Account, GuestCall};
use super::chats::{Chat, ChatKind, Person, Standing};
use super::faults::Faults;
use super::files::Files;
use super::limits::Limits;
use super::params::{Params, as_integer};
use super::polling::Polling;
use super::queue::{CALLBACK_MS, DAY_MS, Queue};
use super::random::Random;
use super::transcript::Transcript;
use super::webhook::Webhook;
use crate::clock::Millis;

/// The bot's own account.
#[derive(Clone)]
pub struct BotProfile {
    /// User id; the token begins with it.
    pub id: i64,
    /// Shown name.
    pub first_name: String,
    /// Without the `@`.
    pub username: String,
    /// The whole token, `ID:SECRET`.
    pub token: String,
}

impl BotProfile {
    /// A bot with a made-up token, for tests and the playground.
    #[must_use]
    pub fn sample() -> Self {
        Self {
            id: 7_000_001,
            first_name: "Lastword".to_owned(),
            username: "lastword_bot".to_owned(),
            token: "7000001:playground-token-of-no-account".to_owned(),
        }
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "id": self.id,
            "is_bot": true,
            "first_name": self.first_name,
            "username": self.username,
        })
    }
}

impl std::fmt::Debug for BotProfile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BotProfile")
            .field("id", &self.id)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// How the server behaves.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether sending is limited as at Telegram (load runs turn it off).
    pub limits: bool,
    /// Whether rich messages exist; without, 404 as on older servers.
    pub rich: bool,
    /// Whether drafts exist; without, 404 as on older servers.
    pub drafts: bool,
    /// Whether `setWebhook` takes `http://` addresses.
    pub http_webhooks: bool,
    /// Whether the bot sees only what is meant for it in groups.
    pub privacy: bool,
    /// Whether events and calls are recorded (load runs turn it off).
    pub record: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: true,
            rich: true,
            drafts: true,
            http_webhooks: false,
            privacy: false,
            record: true,
        }
    }
}

/// Everything there is.
#[derive(Debug)]
pub(super) struct World {
    pub(super) bot: BotProfile,
    pub(super) settings: Settings,
    pub(super) queue: Queue,
    pub(super) polling: Polling,
    pub(super) webhook: Webhook,
    pub(super) people: BTreeMap<i64, Person>,
    pub(super) chats: BTreeMap<i64, Chat>,
    pub(super) last_message_id: i64,
    pub(super) files: Files,
    pub(super) limits: Limits,
    pub(super) faults: Faults,
    pub(super) transcript: Transcript,
    /// Commands by scope and language, as set.
    pub(super) commands: BTreeMap<String, Value>,
    /// Callback queries not answered yet, and where they were pressed.
    pub(super) callbacks: BTreeMap<String, (i64, Millis)>,
    /// Business accounts, by their connection.
    pub(super) accounts: BTreeMap<String, Account>,
    /// Calls of a guest that have no answer yet.
    pub(super) guests: BTreeMap<String, GuestCall>,
    pub(super) random: Random,
    /// No draft ends by itself before this; may be too early, never too late.
    pub(super) next_draft_end: Millis,
    /// Grows with everything that someone may be waiting for.
    pub(super) revision: u64,
    confirmed: Vec<i64>,
    pub(super) ids: i64,
}

impl World {
    pub(super) fn new(bot: BotProfile, settings: Settings, seed: u64) -> Self {
        let mut random = Random::seeded(seed);
        let queue = Queue::new(Random::seeded(random.next()));
        Self {
            bot,
            settings,
            queue,
            polling: Polling::default(),
            webhook: Webhook::default(),
            people: BTreeMap::new(),
            chats: BTreeMap::new(),
            last_message_id: random.between(10, 500),
            files: Files::default(),
            limits: Limits::default(),
            faults: Faults::default(),
            transcript: Transcript::default(),
            commands: BTreeMap::new(),
            callbacks: BTreeMap::new(),
            accounts: BTreeMap::new(),
            guests: BTreeMap::new(),
            random,
            next_draft_end: Millis::MAX,
            revision: 0,
            confirmed: Vec::new(),
            ids: 0,
        }
    }

    /// Something changed that someone may be waiting for.
    pub(super) fn touch(&mut self) {
        self.revision += 1;
    }

    /// Notes updates that have left the queue by the client's will.
    pub(super) fn confirmed(&mut self, ids: Vec<i64>) {
        self.confirmed.extend(ids);
    }

    pub(super) fn take_confirmed(&mut self) -> Vec<i64> {
        std::mem::take(&mut self.confirmed)
    }

    /// A number no one had before.
    pub(super) fn fresh(&mut self) -> i64 {
        self.ids += 1;
        self.ids
    }

    /// Queues an update that concerns a chat.
    pub(super) fn queue_update(
        &mut self,
        kind: &str,
        content: Value,
        chat: i64,
        now: Millis,
    ) -> Option<i64> {
        let life = if kind == "callback_query" {
            CALLBACK_MS
        } else {
            DAY_MS
        };
        // Messages of a chat share a lane; presses and memberships have their
        // own, as in the open server.
        let lane = match kind {
            "message" | "edited_message" => format!("chat {chat}"),
            "callback_query" => format!("press {chat}"),
            other => format!("{other} {chat}"),
        };
        let id = self.queue.push(kind, content, lane, life, now);
        self.touch();
        id
    }

    /// Lets everything happen that time alone brings about.
    pub(super) fn tick(&mut self, now: Millis) {
        self.expire_drafts(now);
        self.queue.expire(now);
        self.run_abandoned(now);
    }

    /// The chat that a call names, by id or `@username`.
    pub(super) fn chat_param(&self, params: Params<'_>) -> Result<i64, Refusal> {
        if let Some(id) = params.integer("chat_id") {
            if let Some(connection) = params.text("business_connection_id") {
                return self.business_param(&connection, id);
            }
            return Ok(id);
        }
        let name = params.text("chat_id").unwrap_or_default();
        let name = name.trim();
        if name.is_empty() {
            return Err(Refusal::bad("chat_id is empty"));
        }
        let name = name.strip_prefix('@').unwrap_or(name);
        self.chats
            .values()
            .find(|chat| chat.username.as_deref() == Some(name))
            .map(|chat| chat.id)
            .ok_or_else(|| Refusal::bad("chat not found"))
    }

    pub(super) fn chat(&self, id: i64) -> Result<&Chat, Refusal> {
        self.chats
            .get(&id)
            .ok_or_else(|| Refusal::bad("chat not found"))
    }

    pub(super) fn user_json(&self, id: i64) -> Value {
        if id == self.bot.id {
            return self.bot.json();
        }
        match self.people.get(&id) {
            Some(person) => person.json(),
            None => json!({ "id": id, "is_bot": false, "first_name": "Somebody" }),
        }
    }

    /// The private chat with a person, made when it is first needed.
    pub(super) fn private_chat(&mut self, person: i64) -> i64 {
        if !self.chats.contains_key(&person) {
            let name = self
                .people
                .get(&person)
                .map_or_else(String::new, |person| person.first_name.clone());
            let mut chat = Chat::new(person, ChatKind::Private, name);
            chat.username = self.people.get(&person).and_then(|p| p.username.clone());
            chat.members.insert(person, Standing::Member);
            self.chats.insert(person, chat);
        }
        person
    }

    /// When something next happens by itself.
    pub(super) fn next_tick(&self) -> Option<Millis> {
        (self.next_draft_end < Millis::MAX).then_some(self.next_draft_end)
    }
}

/// `chat_id` of a call as a number, for matching and records.
pub(super) fn named_chat(params: &Value) -> Option<i64> {
    params.get("chat_id").and_then(as_integer)
}
