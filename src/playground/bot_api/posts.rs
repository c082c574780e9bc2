//! Messages as they lie in a chat: who wrote them, every version people saw,
//! and how they look in JSON.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::chats::{Chat, ChatKind};
use super::world::World;
use crate::clock::Millis;

/// Who a message is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// The bot.
    Bot,
    /// A person, by id.
    Person(i64),
}

/// The source of a rich message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rich {
    /// As Markdown.
    Markdown(String),
    /// As HTML.
    Html(String),
}

impl Rich {
    /// What was written, markup included.
    #[must_use]
    pub fn source(&self) -> &str {
        match self {
            Self::Markdown(text) | Self::Html(text) => text,
        }
    }
}

/// What a message says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// The text, or the caption of a medium; empty for a rich message.
    pub text: String,
    /// Entities of the text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entities: Vec<Value>,
    /// The rich message, instead of text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rich: Option<Rich>,
    /// Inline keyboard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub markup: Option<Value>,
}

impl Content {
    /// The text a person reads: the text, or the rich message's source.
    #[must_use]
    pub fn seen(&self) -> &str {
        self.rich.as_ref().map_or(&self.text, Rich::source)
    }
}

/// One state of a message and since when it was seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// From when on people saw this.
    pub at: Millis,
    /// What they saw.
    #[serde(flatten)]
    pub content: Content,
}

/// A message in a chat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Post {
    /// `message_id`.
    pub id: i64,
    /// Who wrote it.
    pub author: Author,
    /// The topic it is in.
    pub thread: Option<i64>,
    /// When it was sent.
    pub sent: Millis,
    /// Every state so far, the present one last; never empty.
    pub versions: Vec<Version>,
    /// The message it answers.
    pub reply_to: Option<i64>,
    /// Photo, voice, service fields and the like, as in JSON.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub extra: Map<String, Value>,
    /// When it was deleted.
    pub deleted: Option<Millis>,
    /// Reactions of the bot.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Value>,
}

impl Post {
    /// What it says now.
    ///
    /// # Panics
    /// Never: a post is made with its first version.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self
            .versions
            .last()
            .expect("a post is made with its first version")
            .content
    }

    /// Whether people still see it.
    #[must_use]
    pub fn is_visible(&self) -> bool {
        self.deleted.is_none()
    }

    /// Whether this person wrote it.
    pub(in crate::playground) fn is_of(&self, person: i64) -> bool {
        self.author == Author::Person(person)
    }

    /// Whether its words are a caption.
    pub(super) fn is_captioned(&self) -> bool {
        MEDIA.iter().any(|kind| self.extra.contains_key(*kind))
    }
}

const MEDIA: [&str; 6] = ["photo", "voice", "document", "audio", "video", "animation"];

/// What is needed to put a message into a chat.
#[derive(Debug, Default)]
pub(super) struct NewPost {
    pub(super) thread: Option<i64>,
    pub(super) reply_to: Option<i64>,
    pub(super) content: Content,
    pub(super) extra: Map<String, Value>,
}

impl World {
    /// Puts a message into a chat and returns its id. The chat exists.
    pub(super) fn post(&mut self, chat: i64, author: Author, new: NewPost, now: Millis) -> i64 {
        let id = self.next_message_id(chat);
        let post = Post {
            id,
            author,
            thread: new.thread,
            sent: now,
            versions: vec![Version {
                at: now,
                content: new.content,
            }],
            reply_to: new.reply_to,
            extra: new.extra,
            deleted: None,
            reactions: Vec::new(),
        };
        self.saw_post(chat, &post, now);
        if let Some(chat) = self.chats.get_mut(&chat) {
            chat.posts.insert(id, post);
        }
        id
    }

    /// Private chats and basic groups share one sequence; supergroups have
    /// their own.
    fn next_message_id(&mut self, chat: i64) -> i64 {
        match self.chats.get_mut(&chat) {
            Some(chat) if chat.of_account.is_some() => {
                let of = chat.of_account.as_ref();
                let account = of.and_then(|of| self.accounts.get_mut(&of.connection));
                account.map_or(0, |account| {
                    account.last_id += 1;
                    account.last_id
                })
            }
            Some(chat) if chat.kind.is_super() => {
                chat.last_id += 1;
                chat.last_id
            }
            _ => {
                self.last_message_id += 1;
                self.last_message_id
            }
        }
    }

    /// A message as the Bot API shows it.
    pub(super) fn message_json(&self, chat: i64, id: i64) -> Value {
        let Some(chat) = self.chats.get(&chat) else {
            return Value::Null;
        };
        let Some(post) = chat.posts.get(&id) else {
            return Value::Null;
        };
        let mut message = self.plain_json(chat, post);
        // In a forum what answers nothing answers the topic's first message:
        // clients do not show it, the Bot API does.
        let root = post
            .thread
            .filter(|root| chat.kind == ChatKind::Forum && *root != id);
        let replied = post.reply_to.or(root).and_then(|id| chat.posts.get(&id));
        if let Some(replied) = replied.filter(|replied| replied.is_visible()) {
            message.insert(
                "reply_to_message".to_owned(),
                Value::Object(self.plain_json(chat, replied)),
            );
        }
        Value::Object(message)
    }

    fn plain_json(&self, chat: &Chat, post: &Post) -> Map<String, Value> {
        let mut message = Map::new();
        let mut put = |name: &str, value: Value| {
            message.insert(name.to_owned(), value);
        };
        put("message_id", post.id.into());
        // Channels speak for themselves.
        if let Some(of) = &chat.of_account {
            put("business_connection_id", of.connection.as_str().into());
            if post.author == Author::Bot {
                put("sender_business_bot", self.bot.json());
            }
        }
        match (chat.kind, post.author) {
            (_, Author::Bot) if chat.of_account.is_some() => {
                let owner = chat.of_account.as_ref().map_or(0, |of| of.owner);
                put("from", self.user_json(owner));
            }
            (ChatKind::Channel, _) => put("sender_chat", chat.json()),
            (_, Author::Bot) => put("from", self.bot.json()),
            (_, Author::Person(id)) => put("from", self.user_json(id)),
        }
        put("chat", chat.json());
        put("date", (post.sent / 1_000).into());
        if let Some(thread) = post.thread {
            put("message_thread_id", thread.into());
            put("is_topic_message", true.into());
        } else if let Some(root) = thread_root(chat, post) {
            // Replies in a supergroup form threads that are no topics.
            put("message_thread_id", root.into());
        }
        let edited = post.versions.len() > 1;
        if let Some(last) = post.versions.last().filter(|_| edited) {
            put("edit_date", (last.at / 1_000).into());
        }
        for (name, value) in &post.extra {
            put(name, value.clone());
        }
        let content = post.content();
        let (text, entities) = if post.is_captioned() {
            ("caption", "caption_entities")
        } else {
            ("text", "entities")
        };
        if !content.text.is_empty() {
            put(text, content.text.as_str().into());
        }
        if !content.entities.is_empty() {
            put(entities, content.entities.clone().into());
        }
        if let Some(rich) = &content.rich {
            // The real server parses the source into blocks; nobody here reads
            // them back, so one paragraph with the source stands for them.
            put(
                "rich_message",
                json!({ "blocks": [{ "type": "paragraph", "text": rich.source() }] }),
            );
        }
        if let Some(markup) = &content.markup {
            put("reply_markup", markup.clone());
        }
        message
    }
}

/// The message that a chain of replies in a plain supergroup began with.
fn thread_root(chat: &Chat, post: &Post) -> Option<i64> {
    if chat.kind != ChatKind::Supergroup {
        return None;
    }
    let mut root = post.reply_to?;
    // Ids only get smaller along a chain, so it ends.
    while let Some(next) = chat.posts.get(&root).and_then(|post| post.reply_to) {
        root = next;
    }
    Some(root)
}
