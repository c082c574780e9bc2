//! What people do: write, send pictures, press buttons, block, leave. Every
//! act is what a test, the playground's page or the control API asks for, and
//! every act turns into updates as at Telegram.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::chats::{ChatKind, ChatState, Person, Standing};
use super::entities;
use super::posts::{Author, Content, NewPost};
use super::queue::DAY_MS;
use super::transcript::Seen;
use super::world::World;
use crate::clock::Millis;

/// Where a person writes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Who.
    pub person: i64,
    /// The chat; the private chat with the bot without.
    #[serde(default)]
    pub chat: Option<i64>,
    /// The topic.
    #[serde(default)]
    pub thread: Option<i64>,
    /// The message that is answered.
    #[serde(default)]
    pub reply_to: Option<i64>,
}

impl Place {
    /// The private chat of `person` with the bot.
    #[must_use]
    pub fn private(person: i64) -> Self {
        Self {
            person,
            ..Self::default()
        }
    }

    /// `person` in a group.
    #[must_use]
    pub fn group(person: i64, chat: i64) -> Self {
        Self {
            person,
            chat: Some(chat),
            ..Self::default()
        }
    }

    /// The same, in a topic.
    #[must_use]
    pub fn topic(self, thread: i64) -> Self {
        Self {
            thread: Some(thread),
            ..self
        }
    }

    /// The same, as an answer.
    #[must_use]
    pub fn reply_to(self, message: i64) -> Self {
        Self {
            reply_to: Some(message),
            ..self
        }
    }
}

/// A medium that a person sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Medium {
    Photo,
    Voice,
    Document,
    Sticker,
}

/// One act of a person, or of Telegram itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields are those of the Bot API")]
pub enum Act {
    /// Somebody new. Without an id the next free one.
    AddPerson {
        #[serde(default)]
        id: Option<i64>,
        first_name: String,
        #[serde(default)]
        username: Option<String>,
    },
    /// A new group with the bot in it, made by its first member.
    OpenGroup {
        kind: ChatKind,
        title: String,
        members: Vec<i64>,
    },
    /// A new topic in a forum.
    OpenTopic {
        chat: i64,
        person: i64,
        name: String,
    },
    /// Text; longer than 4096 units it becomes several messages.
    Say { place: Place, text: String },
    /// Text that is forwarded from somebody else: one message each.
    Forward { place: Place, texts: Vec<String> },
    /// One medium; several photos or documents become an album. `base64` is
    /// the content of each; a tiny one without.
    Send {
        place: Place,
        medium: Medium,
        #[serde(default)]
        caption: String,
        #[serde(default = "one")]
        count: u32,
        #[serde(default)]
        base64: Option<String>,
    },
    /// Changes an own text message.
    Edit {
        place: Place,
        message_id: i64,
        text: String,
    },
    /// Deletes a message (bots hear nothing of it).
    Delete { chat: i64, message_id: i64 },
    /// Presses an inline button.
    Press {
        place: Place,
        message_id: i64,
        data: String,
    },
    /// Presses Stop under a draft: the given one, or the newest that has it.
    Stop {
        place: Place,
        #[serde(default)]
        draft_id: Option<i64>,
    },
    /// Blocks the bot.
    Block { person: i64 },
    /// Starts the bot again.
    Unblock { person: i64 },
    /// Changes the bot's place in a group.
    MoveBot {
        chat: i64,
        person: i64,
        standing: Standing,
    },
    /// Changes a person's place in a group.
    Move {
        chat: i64,
        person: i64,
        standing: Standing,
    },
    /// Deletes a group, or the account of a private chat.
    DeleteChat { chat: i64 },
    /// Turns a basic group into a supergroup.
    Migrate { chat: i64 },
    /// Closes or reopens a topic.
    CloseTopic {
        chat: i64,
        thread: i64,
        closed: bool,
    },
    /// Messages in other chats: they take ids and make no updates.
    Noise { messages: u32 },
    /// Any update: an object with one field besides `update_id`, which is
    /// given by the queue.
    Inject { update: Value },
    /// Telegram loses this many updates: their ids are skipped.
    Lose { updates: u32 },
    /// The ids of updates are drawn anew, as after a week of silence.
    Reseed,
}

fn one() -> u32 {
    1
}

/// What came of an act.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Acted {
    /// The person or the chat that was made or moved to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// Messages that appeared.
    pub message_ids: Vec<i64>,
    /// Updates that were queued.
    pub update_ids: Vec<i64>,
}

impl Acted {
    fn made(id: i64) -> Self {
        Self {
            id: Some(id),
            ..Self::default()
        }
    }

    /// The id of the one message that appeared.
    ///
    /// # Panics
    /// When none did.
    #[must_use]
    pub fn message(&self) -> i64 {
        *self.message_ids.last().expect("the act made a message")
    }
}

/// Why an act is impossible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("impossible: {0}")]
pub struct Impossible(pub(super) String);

impl From<&str> for Impossible {
    fn from(why: &str) -> Self {
        Self(why.to_owned())
    }
}

impl From<String> for Impossible {
    fn from(why: String) -> Self {
        Self(why)
    }
}

type Done = Result<Acted, Impossible>;

impl World {
    /// Does what a person does.
    pub(super) fn act(&mut self, act: Act, now: Millis) -> Done {
        self.tick(now);
        match act {
            Act::AddPerson {
                id,
                first_name,
                username,
            } => {
                let id = match id {
                    Some(id) => id,
                    None => 1_000_000 + self.fresh(),
                };
                let person = Person {
                    id,
                    first_name,
                    username,
                    language_code: Some("en".to_owned()),
                };
                self.people.insert(id, person);
                Ok(Acted::made(id))
            }
            Act::OpenGroup {
                kind,
                title,
                members,
            } => self.open_group(kind, title, &members, now),
            Act::OpenTopic { chat, person, name } => self.open_topic(chat, person, name, now),
            Act::Say { place, text } => self.say(&place, &text, now),
            Act::Forward { place, texts } => self.forward(&place, texts, now),
            Act::Send {
                place,
                medium,
                caption,
                count,
                base64,
            } => self.send_medium(&place, medium, caption, count, base64, now),
            Act::Edit {
                place,
                message_id,
                text,
            } => self.edit_own(&place, message_id, text, now),
            Act::Delete { chat, message_id } => {
                self.remove(chat, message_id, now);
                Ok(Acted::default())
            }
            Act::Press {
                place,
                message_id,
                data,
            } => self.press(&place, message_id, data, now),
            Act::Stop { place, draft_id } => {
                let chat = place.chat.unwrap_or(place.person);
                self.stop_draft(chat, place.thread, draft_id, now)?;
                Ok(Acted::default())
            }
            Act::Block { person } => {
                let chat = self.private_chat(person);
                self.move_bot(chat, person, Standing::Kicked, now);
                Ok(Acted::default())
            }
            Act::Unblock { person } => {
                let chat = self.private_chat(person);
                self.move_bot(chat, person, Standing::Member, now);
                Ok(Acted::default())
            }
            Act::MoveBot {
                chat,
                person,
                standing,
            } => {
                self.move_bot(chat, person, standing, now);
                Ok(Acted::default())
            }
            Act::Move {
                chat,
                person,
                standing,
            } => self.move_person(chat, person, standing, now),
            Act::DeleteChat { chat } => {
                self.chats.get_mut(&chat).ok_or("no such chat")?.state = ChatState::Deleted;
                self.saw_change(chat, "deleted", now);
                Ok(Acted::default())
            }
            Act::Migrate { chat } => self.migrate(chat, now),
            Act::CloseTopic {
                chat,
                thread,
                closed,
            } => {
                let chat = self.chats.get_mut(&chat).ok_or("no such chat")?;
                chat.topics.get_mut(&thread).ok_or("no such topic")?.closed = closed;
                Ok(Acted::default())
            }
            Act::Noise { messages } => {
                self.last_message_id += i64::from(messages);
                Ok(Acted::default())
            }
            Act::Inject { update } => self.inject(&update, now),
            Act::Lose { updates } => {
                self.queue.skip(updates);
                Ok(Acted::default())
            }
            Act::Reseed => {
                self.queue.reseed();
                Ok(Acted::default())
            }
        }
    }

    fn say(&mut self, place: &Place, text: &str, now: Millis) -> Done {
        let mut acted = Acted::default();
        for piece in entities::split_paste(text) {
            let content = Content {
                entities: entities::typed(&piece),
                text: piece,
                ..Content::default()
            };
            self.write(place, content, Map::new(), &mut acted, now)?;
        }
        if acted.message_ids.is_empty() {
            return Err("nothing to say".into());
        }
        Ok(acted)
    }

    fn forward(&mut self, place: &Place, texts: Vec<String>, now: Millis) -> Done {
        let mut acted = Acted::default();
        for text in texts {
            let content = Content {
                text,
                ..Content::default()
            };
            let mut extra = Map::new();
            extra.insert(
                "forward_origin".to_owned(),
                json!({
                    "type": "hidden_user",
                    "sender_user_name": "Somebody Else",
                    "date": now / 1_000 - 60,
                }),
            );
            self.write(place, content, extra, &mut acted, now)?;
        }
        Ok(acted)
    }

    /// Puts a person's message into the chat and into the queue.
    pub(super) fn write(
        &mut self,
        place: &Place,
        content: Content,
        extra: Map<String, Value>,
        acted: &mut Acted,
        now: Millis,
    ) -> Result<(), Impossible> {
        let chat_id = self.enter(place, now)?;
        let new = NewPost {
            thread: place.thread,
            reply_to: place.reply_to,
            content,
            extra,
        };
        let id = self.post(chat_id, Author::Person(place.person), new, now);
        acted.message_ids.push(id);
        if self.bot_hears(chat_id, id) {
            let message = self.message_json(chat_id, id);
            acted
                .update_ids
                .extend(self.queue_update("message", message, chat_id, now));
        }
        Ok(())
    }

    /// The chat in which a person is about to write, checked.
    fn enter(&mut self, place: &Place, now: Millis) -> Result<i64, Impossible> {
        if !self.people.contains_key(&place.person) {
            return Err("no such person".into());
        }
        let chat_id = match place.chat {
            Some(id) if id != place.person => id,
            _ => self.private_chat(place.person),
        };
        let chat = self.chats.get(&chat_id).ok_or("no such chat")?;
        if chat.state != ChatState::Open {
            return Err("the chat is closed".into());
        }
        if !chat.members.get(&place.person).is_some_and(|s| s.is_in()) {
            return Err("not a member".into());
        }
        if place
            .thread
            .is_some_and(|id| !chat.topics.contains_key(&id))
        {
            return Err("no such topic".into());
        }
        if chat.kind == ChatKind::Private && chat.bot == Standing::Kicked {
            // Writing to a blocked bot unblocks it first.
            self.move_bot(chat_id, place.person, Standing::Member, now);
        }
        Ok(chat_id)
    }

    /// Whether a message reaches the bot: it must be in the chat, and with
    /// privacy on the message must be meant for it.
    fn bot_hears(&self, chat_id: i64, id: i64) -> bool {
        let Some(chat) = self.chats.get(&chat_id) else {
            return false;
        };
        let Some(post) = chat.posts.get(&id) else {
            return false;
        };
        if !chat.bot.is_in() {
            return false;
        }
        let sees_all = !self.settings.privacy
            || !chat.kind.is_group()
            || matches!(chat.bot, Standing::Administrator | Standing::Creator);
        let content = post.content();
        let meant = content.text.contains(&format!("@{}", self.bot.username))
            || content.text.starts_with('/')
            || post
                .reply_to
                .and_then(|id| chat.posts.get(&id))
                .is_some_and(|replied| replied.author == Author::Bot);
        sees_all || meant
    }

    fn edit_own(&mut self, place: &Place, id: i64, text: String, now: Millis) -> Done {
        let chat_id = self.enter(place, now)?;
        let post = self
            .chats
            .get(&chat_id)
            .and_then(|chat| chat.posts.get(&id))
            .ok_or("no such message")?;
        if post.author != Author::Person(place.person) {
            return Err("not their message".into());
        }
        let content = Content {
            entities: entities::typed(&text),
            text,
            ..post.content().clone()
        };
        self.change(chat_id, id, content, now);
        let mut acted = Acted::default();
        if self.bot_hears(chat_id, id) {
            let message = self.message_json(chat_id, id);
            acted
                .update_ids
                .extend(self.queue_update("edited_message", message, chat_id, now));
        }
        Ok(acted)
    }

    fn press(&mut self, place: &Place, message_id: i64, data: String, now: Millis) -> Done {
        let chat_id = self.enter(place, now)?;
        let post = self
            .chats
            .get(&chat_id)
            .and_then(|chat| chat.posts.get(&message_id))
            .filter(|post| post.is_visible())
            .ok_or("no such message")?;
        let has_button = post
            .content()
            .markup
            .as_ref()
            .and_then(|markup| markup.get("inline_keyboard"))
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_array)
            .flatten()
            .any(|button| button.get("callback_data").and_then(Value::as_str) == Some(&data));
        if !has_button {
            return Err("no such button".into());
        }
        let number = self.fresh();
        let id = format!("{}{number:04}", self.bot.id);
        self.callbacks.insert(id.clone(), (chat_id, now));
        let query = json!({
            "id": id,
            "from": self.user_json(place.person),
            "message": self.message_json(chat_id, message_id),
            "chat_instance": format!("{}", chat_id.unsigned_abs()),
            "data": data,
        });
        self.saw(chat_id, None, Seen::Pressed { message_id, data }, now);
        Ok(Acted {
            update_ids: self
                .queue_update("callback_query", query, chat_id, now)
                .into_iter()
                .collect(),
            ..Acted::default()
        })
    }

    fn inject(&mut self, update: &Value, now: Millis) -> Done {
        let (kind, content) = update
            .as_object()
            .and_then(|fields| fields.iter().find(|(name, _)| *name != "update_id"))
            .ok_or("an update has one field besides update_id")?;
        let chat = content
            .pointer("/chat/id")
            .or_else(|| content.pointer("/message/chat/id"))
            .and_then(Value::as_i64)
            .unwrap_or(0);
        let lane = format!("chat {chat}");
        let id = self.queue.push(kind, content.clone(), lane, DAY_MS, now);
        self.touch();
        Ok(Acted {
            update_ids: id.into_iter().collect(),
            ..Acted::default()
        })
    }
}
