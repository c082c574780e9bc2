//! Methods that change messages: `editMessageText`, `editMessageReplyMarkup`,
//! `deleteMessage`.
//!
//! Edits touch only the bot's own messages and are idempotent: "message is not
//! modified" proves that the content is there. The daemon's probing rests on
//! these texts.

use serde_json::Value;

use super::answer::{Answer, Refusal};
use super::entities;
use super::params::Params;
use super::posts::{Author, Content, Post, Version};
use super::send;
use super::transcript::Seen;
use super::world::World;
use crate::clock::Millis;

const NOT_MODIFIED: &str = "message is not modified: specified new message content and reply \
    markup are exactly the same as a current content and reply markup of the message";
/// Bots may delete their messages for two days.
const DELETE_MS: Millis = 48 * 3_600_000;

/// Which words of a message an edit is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Words {
    Text,
    Caption,
    Kept,
}

impl World {
    pub(super) fn edit_message_text(&mut self, params: Params<'_>, now: Millis) -> Answer {
        let content = if params.has("rich_message") {
            if !self.settings.rich {
                // Servers without rich messages do not know the parameter.
                return Err(Refusal::bad("message text is empty"));
            }
            if params.text("text").is_some_and(|text| !text.is_empty()) {
                return Err(Refusal::bad("text and rich_message can't be used together"));
            }
            Content {
                rich: Some(send::rich(params)?),
                ..Content::default()
            }
        } else {
            let text = params
                .text("text")
                .filter(|text| !text.is_empty())
                .ok_or_else(|| Refusal::bad("message text is empty"))?;
            let (text, entities) = entities::formatted(params, &text)?;
            entities::check_length(&text)?;
            Content {
                text,
                entities,
                ..Content::default()
            }
        };
        let content = Content {
            markup: send::markup(params)?,
            ..content
        };
        self.edit(params, Words::Text, |_| content, now)
    }

    pub(super) fn edit_message_caption(&mut self, params: Params<'_>, now: Millis) -> Answer {
        let content = Content {
            markup: send::markup(params)?,
            ..send::caption(params)?
        };
        self.edit(params, Words::Caption, |_| content, now)
    }

    pub(super) fn edit_message_reply_markup(&mut self, params: Params<'_>, now: Millis) -> Answer {
        let markup = send::markup(params)?;
        let change = |post: &Post| Content {
            markup,
            ..post.content().clone()
        };
        self.edit(params, Words::Kept, change, now)
    }

    fn edit(
        &mut self,
        params: Params<'_>,
        words: Words,
        change: impl FnOnce(&Post) -> Content,
        now: Millis,
    ) -> Answer {
        let chat_id = self.chat_param(params)?;
        let id = params
            .integer("message_id")
            .filter(|id| *id > 0)
            .ok_or_else(|| Refusal::bad("message identifier is not specified"))?;
        let chat = self.chat(chat_id)?;
        chat.writable()?;
        let group = chat.kind.is_group();
        let post = chat
            .posts
            .get(&id)
            .filter(|post| post.is_visible())
            .ok_or_else(|| Refusal::bad("message to edit not found"))?;
        // In an account's chat the bot may change what the owner wrote.
        let owner = chat.of_account.as_ref().map(|of| Author::Person(of.owner));
        if post.author != Author::Bot && owner != Some(post.author) {
            return Err(Refusal::bad("message can't be edited"));
        }
        match (words, post.is_captioned()) {
            (Words::Text, true) => {
                return Err(Refusal::bad("there is no text in the message to edit"));
            }
            (Words::Caption, false) => {
                return Err(Refusal::bad("there is no caption in the message to edit"));
            }
            _ => {}
        }
        let content = change(post);
        if content == *post.content() {
            return Err(Refusal::bad(NOT_MODIFIED));
        }
        if self.settings.limits {
            self.limits.take(chat_id, group, now)?;
        }
        self.change(chat_id, id, content, now);
        Ok(self.message_json(chat_id, id))
    }

    /// Gives a message a new version.
    pub(super) fn change(&mut self, chat_id: i64, id: i64, content: Content, now: Millis) {
        let text = content.seen().to_owned();
        let mut thread = None;
        let post = self
            .chats
            .get_mut(&chat_id)
            .and_then(|chat| chat.posts.get_mut(&id));
        if let Some(post) = post {
            thread = post.thread;
            post.versions.push(Version { at: now, content });
        }
        let message_id = id;
        self.saw(chat_id, thread, Seen::Edited { message_id, text }, now);
    }

    pub(super) fn delete_message(&mut self, params: Params<'_>, now: Millis) -> Answer {
        let chat_id = self.chat_param(params)?;
        let id = params
            .integer("message_id")
            .ok_or_else(|| Refusal::bad("message identifier is not specified"))?;
        let chat = self.chat(chat_id)?;
        chat.writable()?;
        let moderates = matches!(
            chat.bot,
            super::chats::Standing::Administrator | super::chats::Standing::Creator
        );
        let post = chat
            .posts
            .get(&id)
            .filter(|post| post.is_visible())
            .ok_or_else(|| Refusal::bad("message to delete not found"))?;
        let own = post.author == Author::Bot || !chat.kind.is_group();
        if now - post.sent > DELETE_MS || !(own || moderates) {
            return Err(Refusal::bad("message can't be deleted for everyone"));
        }
        self.remove(chat_id, id, now);
        Ok(Value::Bool(true))
    }

    /// Takes a message off everybody's screen.
    pub(super) fn remove(&mut self, chat_id: i64, id: i64, now: Millis) {
        let mut thread = None;
        let post = self
            .chats
            .get_mut(&chat_id)
            .and_then(|chat| chat.posts.get_mut(&id));
        if let Some(post) = post {
            thread = post.thread;
            post.deleted = Some(now);
        }
        self.saw(chat_id, thread, Seen::Deleted { message_id: id }, now);
    }
}
