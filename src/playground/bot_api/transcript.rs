//! Everything people saw, in order: messages with every version, drafts,
//! typing, buttons; and every call the bot made.
//!
//! Tests judge the daemon by this alone, so nothing may change a chat without
//! an entry here.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::chats::{Chat, ChatKind, ChatState};
use super::drafts::Draft;
use super::posts::{Author, Post};
use super::world::World;
use crate::clock::Millis;

/// One thing that happened on a screen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// Grows by one with every event of this server.
    pub seq: u64,
    /// When.
    pub at: Millis,
    /// In which chat.
    pub chat: i64,
    /// In which topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<i64>,
    /// What.
    #[serde(flatten)]
    pub seen: Seen,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are those of the Bot API's calls")]
pub enum Seen {
    /// A message appeared.
    Message {
        message_id: i64,
        author: Author,
        text: String,
    },
    /// A message changed.
    Edited { message_id: i64, text: String },
    /// A message vanished.
    Deleted { message_id: i64 },
    /// A draft appeared or changed.
    Draft {
        draft_id: i64,
        text: String,
        can_stop: bool,
    },
    /// A draft left the screen.
    DraftGone { draft_id: i64, why: DraftEnd },
    /// The person pressed Stop.
    StopPressed { draft_id: i64 },
    /// The bot is seen typing until then.
    Typing { action: String, until: Millis },
    /// The person pressed a button.
    Pressed { message_id: i64, data: String },
    /// The press was answered.
    PressAnswered { text: String, alert: bool },
    /// The bot reacted.
    Reacted { message_id: i64, emoji: Vec<Value> },
    /// The chat itself changed: blocked, deleted, migrated and the like.
    Chat { change: String },
}

/// Why a draft left the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DraftEnd {
    /// The bot sent a message.
    Sent,
    /// Nothing changed for 30 s.
    Expired,
    /// The person pressed Stop.
    Stopped,
}

/// One call of the bot.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallRecord {
    /// Grows by one with every call.
    pub seq: u64,
    /// When it arrived.
    pub at: Millis,
    /// The method, as the caller spelled it.
    pub method: String,
    /// `chat_id`, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat: Option<i64>,
    /// When the method was executed; `None` until then, or if it never was.
    pub executed: Option<Millis>,
    /// What the caller got: see [`super::answer::Delivery::word`].
    pub outcome: Option<String>,
}

/// How often a method was called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct MethodCount {
    /// Calls that arrived.
    pub calls: u64,
    /// Calls answered with `ok`.
    pub ok: u64,
    /// Calls that got a refusal or no answer.
    pub failed: u64,
}

/// A chat as it is now, with its past.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChatView {
    /// Chat id.
    pub id: i64,
    /// What sort of chat.
    pub kind: ChatKind,
    /// Its title, or the person's name.
    pub title: String,
    /// Whether it can be used.
    pub state: ChatState,
    /// Every message that ever was in it, by id; deleted ones too.
    pub posts: Vec<Post>,
    /// Drafts on the screen.
    pub drafts: Vec<Draft>,
    /// When the bot was seen typing: from, until.
    pub typing: Vec<(Millis, Millis)>,
}

impl ChatView {
    /// The bot's messages that people still see.
    pub fn from_bot(&self) -> impl Iterator<Item = &Post> {
        self.posts
            .iter()
            .filter(|post| post.author == Author::Bot && post.is_visible())
    }

    /// The present texts of the bot's visible messages, in order of id.
    #[must_use]
    pub fn bot_texts(&self) -> Vec<String> {
        self.from_bot()
            .map(|post| post.content().seen().to_owned())
            .collect()
    }
}

/// The record itself.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    pub(super) events: Vec<Event>,
    pub(super) calls: Vec<CallRecord>,
    pub(super) counts: BTreeMap<String, MethodCount>,
    seq: u64,
    call_seq: u64,
}

impl Transcript {
    /// Opens the record of a call and returns its number.
    pub(super) fn call(&mut self, keep: bool, method: &str, chat: Option<i64>, at: Millis) -> u64 {
        self.call_seq += 1;
        self.counts.entry(method.to_owned()).or_default().calls += 1;
        if keep {
            self.calls.push(CallRecord {
                seq: self.call_seq,
                at,
                method: method.to_owned(),
                chat,
                executed: None,
                outcome: None,
            });
        }
        self.call_seq
    }

    fn record(&mut self, seq: u64) -> Option<&mut CallRecord> {
        let at = self
            .calls
            .binary_search_by_key(&seq, |call| call.seq)
            .ok()?;
        self.calls.get_mut(at)
    }

    pub(super) fn executed(&mut self, seq: u64, now: Millis) {
        if let Some(call) = self.record(seq) {
            call.executed = Some(now);
        }
    }

    pub(super) fn ended(&mut self, seq: u64, method: &str, ok: bool, word: String) {
        let count = self.counts.entry(method.to_owned()).or_default();
        if ok {
            count.ok += 1;
        } else {
            count.failed += 1;
        }
        if let Some(call) = self.record(seq) {
            call.outcome = Some(word);
        }
    }
}

impl World {
    /// Writes down what people see and wakes whoever looks.
    pub(super) fn saw(&mut self, chat: i64, thread: Option<i64>, seen: Seen, at: Millis) {
        self.touch();
        if self.settings.record {
            self.transcript.seq += 1;
            self.transcript.events.push(Event {
                seq: self.transcript.seq,
                at,
                chat,
                thread,
                seen,
            });
        }
    }

    pub(super) fn saw_post(&mut self, chat: i64, post: &Post, at: Millis) {
        let seen = Seen::Message {
            message_id: post.id,
            author: post.author,
            text: post.content().seen().to_owned(),
        };
        self.saw(chat, post.thread, seen, at);
    }

    pub(super) fn chat_view(&self, chat: &Chat) -> ChatView {
        ChatView {
            id: chat.id,
            kind: chat.kind,
            title: chat.title.clone(),
            state: chat.state,
            posts: chat.posts.values().cloned().collect(),
            drafts: chat
                .drafts
                .values()
                .filter(|draft| draft.shown)
                .cloned()
                .collect(),
            typing: chat.typing.clone(),
        }
    }
}
