//! Chats, who is in them, and how Telegram names them in JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::Refusal;
use super::business::OfAccount;
use super::drafts::Draft;
use super::posts::Post;
use crate::clock::Millis;

/// A human being who uses Telegram.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Person {
    /// User id; also the id of the private chat with the bot.
    pub id: i64,
    /// Shown name.
    pub first_name: String,
    /// Without the `@`.
    pub username: Option<String>,
    /// IETF language tag of the client.
    pub language_code: Option<String>,
}

impl Person {
    pub(super) fn json(&self) -> Value {
        let mut user = json!({
            "id": self.id,
            "is_bot": false,
            "first_name": self.first_name,
        });
        if let Some(name) = &self.username {
            user["username"] = name.as_str().into();
        }
        if let Some(code) = &self.language_code {
            user["language_code"] = code.as_str().into();
        }
        user
    }
}

/// What sort of chat it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatKind {
    /// One person and the bot.
    Private,
    /// A basic group: shares the bot's sequence of message ids.
    Group,
    /// A supergroup: has message ids of its own.
    Supergroup,
    /// A supergroup with topics.
    Forum,
    /// A channel, in which the bot is an administrator.
    Channel,
}

impl ChatKind {
    pub(super) fn is_group(self) -> bool {
        self != Self::Private
    }

    pub(super) fn is_super(self) -> bool {
        matches!(self, Self::Supergroup | Self::Forum | Self::Channel)
    }

    fn word(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Group => "group",
            Self::Supergroup | Self::Forum => "supergroup",
            Self::Channel => "channel",
        }
    }
}

/// Someone's place in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Made the group.
    Creator,
    /// May moderate.
    Administrator,
    /// Is in it.
    Member,
    /// Went.
    Left,
    /// Was removed; in a private chat: the person blocked the bot.
    Kicked,
}

impl Standing {
    pub(super) fn is_in(self) -> bool {
        !matches!(self, Self::Left | Self::Kicked)
    }

    pub(super) fn json(self, user: Value) -> Value {
        let mut member = json!({ "user": user });
        let status = match self {
            Self::Creator => "creator",
            Self::Administrator => "administrator",
            Self::Member => "member",
            Self::Left => "left",
            Self::Kicked => "kicked",
        };
        member["status"] = status.into();
        if self == Self::Creator {
            member["is_anonymous"] = false.into();
        }
        if self == Self::Kicked {
            member["until_date"] = 0.into();
        }
        if self == Self::Administrator {
            for right in RIGHTS {
                member[right] = true.into();
            }
            member["can_be_edited"] = false.into();
            member["is_anonymous"] = false.into();
        }
        member
    }
}

const RIGHTS: [&str; 11] = [
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
    "can_pin_messages",
];

/// Whether the chat can still be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatState {
    /// It can.
    Open,
    /// It was deleted.
    Deleted,
    /// It became this supergroup.
    Migrated(i64),
}

/// A topic of a forum.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Topic {
    pub(super) name: String,
    pub(super) closed: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Chat {
    pub(super) id: i64,
    pub(super) kind: ChatKind,
    pub(super) title: String,
    /// Whose it is, when it is a business account's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) of_account: Option<OfAccount>,
    pub(super) username: Option<String>,
    pub(super) state: ChatState,
    /// The bot's own place.
    pub(super) bot: Standing,
    pub(super) members: BTreeMap<i64, Standing>,
    pub(super) topics: BTreeMap<i64, Topic>,
    /// The last id of a supergroup's own sequence.
    pub(super) last_id: i64,
    pub(super) posts: BTreeMap<i64, Post>,
    /// Key: (topic or 0, draft id).
    #[serde(skip)]
    pub(super) drafts: BTreeMap<(i64, i64), Draft>,
    /// When the bot was seen typing: from, until.
    pub(super) typing: Vec<(Millis, Millis)>,
}

impl Chat {
    pub(super) fn new(id: i64, kind: ChatKind, title: String) -> Self {
        Self {
            id,
            kind,
            title,
            of_account: None,
            username: None,
            state: ChatState::Open,
            bot: Standing::Member,
            members: BTreeMap::new(),
            topics: BTreeMap::new(),
            last_id: 0,
            posts: BTreeMap::new(),
            drafts: BTreeMap::new(),
            typing: Vec::new(),
        }
    }

    pub(super) fn json(&self) -> Value {
        let id = self.of_account.as_ref().map_or(self.id, |of| of.peer);
        let mut chat = json!({ "id": id, "type": self.kind.word() });
        if self.kind.is_group() {
            chat["title"] = self.title.as_str().into();
        } else {
            chat["first_name"] = self.title.as_str().into();
        }
        if let Some(name) = &self.username {
            chat["username"] = name.as_str().into();
        }
        if self.kind == ChatKind::Forum {
            chat["is_forum"] = true.into();
        }
        chat
    }

    /// Whether the bot may write here, in the server's words.
    pub(super) fn writable(&self) -> Result<(), Refusal> {
        match (self.state, self.kind) {
            (ChatState::Migrated(to), _) => return Err(Refusal::migrated(to)),
            (ChatState::Deleted, ChatKind::Private) => {
                return Err(Refusal::forbidden("user is deactivated"));
            }
            (ChatState::Deleted, ChatKind::Group) => {
                return Err(Refusal::forbidden("the group chat was deleted"));
            }
            (ChatState::Deleted, _) => return Err(Refusal::bad("chat not found")),
            (ChatState::Open, _) => {}
        }
        let place = if self.kind == ChatKind::Group {
            "group"
        } else {
            "supergroup"
        };
        match (self.bot, self.kind) {
            (Standing::Kicked, ChatKind::Private) => {
                Err(Refusal::forbidden("bot was blocked by the user"))
            }
            (Standing::Kicked, _) => Err(Refusal::forbidden(&format!(
                "bot was kicked from the {place} chat"
            ))),
            (Standing::Left, _) => Err(Refusal::forbidden(&format!(
                "bot is not a member of the {place} chat"
            ))),
            _ => Ok(()),
        }
    }

    /// Checks a `message_thread_id` that a call names.
    pub(super) fn topic(&self, thread: Option<i64>) -> Result<(), Refusal> {
        let Some(id) = thread else { return Ok(()) };
        if self.kind == ChatKind::Supergroup && self.posts.contains_key(&id) {
            // A thread of replies: accepted, and no place of its own.
            return Ok(());
        }
        match self.topics.get(&id) {
            Some(topic) if topic.closed && self.bot == Standing::Member => {
                Err(Refusal::bad("TOPIC_CLOSED"))
            }
            Some(_) => Ok(()),
            None => Err(Refusal::bad("message thread not found")),
        }
    }
}
