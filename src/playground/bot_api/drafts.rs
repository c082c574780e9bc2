//! Drafts: what a person sees while an answer is being written.
//!
//! Idempotent per draft id; they vanish 30 s after the last change, when the
//! bot sends a message to the chat, or when the person presses Stop (unless the
//! draft asked to be kept). After Stop further drafts of the same id are
//! accepted and not shown.

use serde::Serialize;
use serde_json::{Value, json};

use super::answer::{Answer, Refusal};
use super::chats::ChatKind;
use super::entities;
use super::params::Params;
use super::posts::{Content, Rich};
use super::send;
use super::transcript::{DraftEnd, Seen};
use super::world::World;
use crate::clock::Millis;

/// How long a draft stays without a change.
pub(super) const DRAFT_MS: Millis = 30_000;

/// A draft as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Draft {
    /// `draft_id` of the call.
    pub id: i64,
    /// The topic it is in.
    pub thread: Option<i64>,
    /// What it says now.
    pub content: Content,
    /// Whether it has a Stop button.
    pub can_stop: bool,
    /// Whether it stays after Stop.
    pub keep_on_stop: bool,
    /// When it was last changed.
    pub changed: Millis,
    /// Whether the person pressed Stop.
    pub stopped: bool,
    /// Whether it is on the screen.
    pub shown: bool,
}

impl World {
    pub(super) fn send_message_draft(&mut self, params: Params<'_>, now: Millis) -> Answer {
        let text = params.text("text").unwrap_or_default();
        let (text, entities) = entities::formatted(params, &text)?;
        if entities::units(&text) > entities::TEXT_UNITS {
            return Err(Refusal::bad("message is too long"));
        }
        let content = Content {
            text,
            entities,
            ..Content::default()
        };
        self.draft(params, content, now)
    }

    pub(super) fn send_rich_message_draft(&mut self, params: Params<'_>, now: Millis) -> Answer {
        if !self.settings.rich {
            return Err(Refusal::unknown_method());
        }
        let content = Content {
            rich: Some(send::rich(params)?),
            ..Content::default()
        };
        self.draft(params, content, now)
    }

    fn draft(&mut self, params: Params<'_>, content: Content, now: Millis) -> Answer {
        if !self.settings.drafts {
            return Err(Refusal::unknown_method());
        }
        let chat_id = self.chat_param(params)?;
        let id = params.integer("draft_id").unwrap_or(0);
        if id == 0 {
            return Err(Refusal::bad("draft_id must be non-zero"));
        }
        let thread = params.integer("message_thread_id");
        let chat = self.chat(chat_id)?;
        if chat.kind != ChatKind::Private {
            return Err(Refusal::bad("drafts can be sent only to private chats"));
        }
        chat.writable()?;
        chat.topic(thread)?;
        let key = (thread.unwrap_or(0), id);
        let before = chat.drafts.get(&key);
        let stopped = before.is_some_and(|draft| draft.stopped);
        if self.settings.limits {
            self.limits.take_draft(chat_id, now)?;
        }
        if stopped {
            return Ok(Value::Bool(true));
        }
        let draft = Draft {
            id,
            thread,
            content,
            can_stop: params.truth("can_stop"),
            keep_on_stop: params.truth("keep_on_stop"),
            changed: now,
            stopped: false,
            shown: true,
        };
        let seen = Seen::Draft {
            draft_id: id,
            text: draft.content.seen().to_owned(),
            can_stop: draft.can_stop,
        };
        self.next_draft_end = self.next_draft_end.min(now + DRAFT_MS);
        if let Some(chat) = self.chats.get_mut(&chat_id) {
            chat.drafts.insert(key, draft);
        }
        self.saw(chat_id, thread, seen, now);
        Ok(Value::Bool(true))
    }

    /// A message of the bot clears its drafts and its typing in that topic.
    pub(super) fn clear_drafts(&mut self, chat_id: i64, thread: Option<i64>, now: Millis) {
        let mut gone = Vec::new();
        if let Some(chat) = self.chats.get_mut(&chat_id) {
            if let Some((_, until)) = chat.typing.last_mut() {
                *until = now.min(*until);
            }
            chat.drafts.retain(|(topic, id), draft| {
                let same = *topic == thread.unwrap_or(0);
                if same && draft.shown {
                    gone.push(*id);
                }
                // A stopped one is remembered, for later drafts of its id.
                draft.shown &= !same;
                !same || draft.stopped
            });
        }
        for draft_id in gone {
            let why = DraftEnd::Sent;
            self.saw(chat_id, thread, Seen::DraftGone { draft_id, why }, now);
        }
    }

    /// The person presses Stop under a draft.
    pub(super) fn stop_draft(
        &mut self,
        chat_id: i64,
        thread: Option<i64>,
        draft_id: Option<i64>,
        now: Millis,
    ) -> Result<(), String> {
        let chat = self.chats.get_mut(&chat_id).ok_or("no such chat")?;
        let draft = chat
            .drafts
            .values_mut()
            .rev()
            .find(|draft| {
                draft.shown
                    && draft.can_stop
                    && draft.thread == thread
                    && draft_id.is_none_or(|id| id == draft.id)
            })
            .ok_or("no draft with a Stop button")?;
        draft.stopped = true;
        draft.shown = draft.keep_on_stop;
        let (draft_id, kept) = (draft.id, draft.shown);
        let mut content = json!({ "chat": chat.json(), "draft_id": draft_id });
        if let Some(thread) = thread {
            content["message_thread_id"] = thread.into();
        }
        self.saw(chat_id, thread, Seen::StopPressed { draft_id }, now);
        if !kept {
            let why = DraftEnd::Stopped;
            self.saw(chat_id, thread, Seen::DraftGone { draft_id, why }, now);
        }
        self.queue_update("stopped_message_generation", content, chat_id, now);
        Ok(())
    }

    /// Drafts whose time is over leave the screen.
    pub(super) fn expire_drafts(&mut self, now: Millis) {
        if now < self.next_draft_end {
            return;
        }
        let mut gone = Vec::new();
        let mut next = Millis::MAX;
        for chat in self.chats.values_mut() {
            let chat_id = chat.id;
            chat.drafts.retain(|_, draft| {
                let over = draft.changed + DRAFT_MS;
                if draft.shown && over > now {
                    next = next.min(over);
                    return true;
                }
                if draft.shown {
                    gone.push((over, chat_id, draft.thread, draft.id));
                }
                draft.shown = false;
                draft.stopped
            });
        }
        self.next_draft_end = next;
        gone.sort_unstable();
        for (at, chat, thread, draft_id) in gone {
            let why = DraftEnd::Expired;
            self.saw(chat, thread, Seen::DraftGone { draft_id, why }, at);
        }
    }
}

impl Draft {
    /// The rich source, where it is one.
    #[must_use]
    pub fn rich(&self) -> Option<&Rich> {
        self.content.rich.as_ref()
    }
}
