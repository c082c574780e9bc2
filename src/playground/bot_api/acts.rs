//! The vocabulary of what people do: acts as tests, the playground's page and
//! the control API ask for them, and what came of each.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::chats::{ChatKind, Standing};

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

/// Who writes in a chat of a business account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BusinessSide {
    /// The person who wrote to the account.
    Peer,
    /// Its owner.
    Owner,
    /// Its automatic greeting.
    Away,
}

/// As which chat a person writes in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// An administrator who does not show a name: the group itself.
    Anonymous {
        /// The administrator's title.
        #[serde(default)]
        signature: Option<String>,
    },
    /// One of the person's channels.
    Channel {
        /// Its id.
        id: i64,
        /// Its title.
        title: String,
    },
    /// The group's own channel, whose posts Telegram puts there.
    Linked {
        /// Its id.
        id: i64,
        /// Its title.
        title: String,
    },
}

/// A medium that a person sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Medium {
    Photo,
    Voice,
    Audio,
    VideoNote,
    Video,
    Document,
    Sticker,
}

/// A file of a person's own, as they send it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// What it is sent as.
    pub medium: Medium,
    /// Its name, where the medium has one.
    #[serde(default)]
    pub name: Option<String>,
    /// Its media type, where the medium has one.
    #[serde(default)]
    pub mime: Option<String>,
    /// Its content.
    pub base64: String,
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
    /// Changes the language of a person's client; `None` tells none.
    Speak {
        person: i64,
        language_code: Option<String>,
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
    /// Text that a chat says in a group, in the person's place.
    SayAs {
        place: Place,
        identity: Identity,
        text: String,
    },
    /// An answer to a part of a message that the person picked.
    Quote {
        place: Place,
        part: String,
        text: String,
    },
    /// Connects a business account with the bot, or changes that.
    ConnectBusiness {
        connection: String,
        owner: i64,
        can_reply: bool,
        enabled: bool,
        /// Whether the bot is told.
        told: bool,
    },
    /// Text in a chat of a business account.
    SayBusiness {
        connection: String,
        peer: i64,
        side: BusinessSide,
        text: String,
    },
    /// Messages are deleted from a chat of a business account.
    DeleteBusiness {
        connection: String,
        peer: i64,
        messages: Vec<i64>,
    },
    /// Text that calls the bot into a chat in which it is not.
    CallGuest { place: Place, text: String },
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
    /// A file with its own name and type.
    Attach {
        place: Place,
        file: Attachment,
        #[serde(default)]
        caption: String,
    },
    /// A message whose content is one field of the Bot API and no file: a
    /// `location`, `contact`, `poll`, `dice` …
    Share {
        place: Place,
        field: String,
        content: Value,
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
    pub(super) fn made(id: i64) -> Self {
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
