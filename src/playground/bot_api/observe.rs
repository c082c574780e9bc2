//! What tests and the playground's page look at: chats, events, calls, the
//! queue. Looking changes nothing but what time alone has brought about.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::BotApi;
use super::transcript::{CallRecord, ChatView, Event, MethodCount};

impl BotApi {
    /// Every chat as people see it now, with its past; ordered by id.
    #[must_use]
    pub fn chats(&self) -> Vec<ChatView> {
        self.with(|world, _| {
            let view = |chat| world.chat_view(chat);
            world.chats.values().map(view).collect()
        })
    }

    /// One chat.
    #[must_use]
    pub fn chat(&self, id: i64) -> Option<ChatView> {
        self.with(|world, _| world.chats.get(&id).map(|chat| world.chat_view(chat)))
    }

    /// What is in the document of a message.
    #[must_use]
    pub fn document(&self, chat: i64, message: i64) -> Option<Bytes> {
        self.with(|world, _| {
            let post = world.chats.get(&chat)?.posts.get(&message)?;
            let id = post.extra.get("document")?["file_id"].as_str()?;
            world.files.by_id(id)
        })
    }

    /// What happened on screens after event `since`, in order.
    #[must_use]
    pub fn events(&self, since: u64) -> Vec<Event> {
        self.with(|world, _| {
            let from = world
                .transcript
                .events
                .partition_point(|event| event.seq <= since);
            world.transcript.events[from..].to_vec()
        })
    }

    /// Every call of the bot, in order of arrival.
    #[must_use]
    pub fn calls(&self) -> Vec<CallRecord> {
        self.with(|world, _| world.transcript.calls.clone())
    }

    /// How often each method was called, by name as the caller spelled it.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, MethodCount> {
        self.with(|world, _| world.transcript.counts.clone())
    }

    /// Updates that wait for the bot.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.with(|world, _| world.queue.len())
    }

    /// Updates that no client can see any more: expired, or over the limits.
    #[must_use]
    pub fn lost_upstream(&self) -> u64 {
        self.with(|world, _| world.queue.lost)
    }

    /// How many waiting polls a second poller or a webhook displaced.
    #[must_use]
    pub fn conflicts(&self) -> u64 {
        self.with(|world, _| world.polling.conflicts)
    }

    /// How many connections clients have open, hung ones included. One whose
    /// client has died counts until everything it had sent was carried out.
    #[must_use]
    pub fn connections(&self) -> usize {
        Arc::strong_count(&self.connected) - 1
    }
}
